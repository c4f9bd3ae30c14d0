#include "control/admin/call_check.h"

#include <algorithm>
#include <utility>

#include "base/json_pointer.h"
#include "base/text.h"
#include "config/json_document.h"
#include "control/admin/documents.h"
#include "control/admin/problem.h"
#include "http/query.h"

namespace portcullis::control {
namespace {

using nlohmann::json;

std::optional<ServerAnswer> refuse_query(const Call& call, const ServerRequest& request) {
  std::optional<ServerAnswer> out;
  http::for_each_query_parameter(request.head.query, [&](std::string_view encoded, std::string_view,
                                                         std::string_view) {
    const std::string name = http::decode_query_text(encoded);
    std::vector<std::string_view> known;
    for (const Call::Parameter& one : call.parameters) known.push_back(one.name);
    if (std::find(known.begin(), known.end(), name) != known.end()) return true;
    out = refuse_call(400, "the call has no query parameter `" + name + "`" + suggestion_for(name, known));
    return false;
  });
  return out;
}

std::optional<ServerAnswer> refuse_body(const Call& call, const ServerRequest& request) {
  if (!call.body) {
    if (request.body.empty()) return std::nullopt;
    return refuse_call(400, "the call takes no body");
  }
  if (request.body.empty()) {
    if (!call.body->required) return std::nullopt;
    return refuse_call(400, "the call needs a body: " + join(call.body->media_types));
  }
  const std::string given = media_type_of(request);
  const auto& accepted = call.body->media_types;
  const bool good = given.empty() || accepted.front() == "*/*" ||
                    std::find(accepted.begin(), accepted.end(), given) != accepted.end();
  if (good) return std::nullopt;
  return refuse_call(415, "the call does not take `" + given + "`: send " + join(accepted),
                     "accept: " + join(accepted) + "\r\n");
}

std::optional<ServerAnswer> read_message(const ServerRequest& request, std::string& message) {
  const http::Field* field = request.head.fields.find("portcullis-message");
  if (field == nullptr) return std::nullopt;
  if (field->value.size() > kMaxMessage)
    return refuse_call(400, "`Portcullis-Message` is longer than " + std::to_string(kMaxMessage) + " bytes");
  if (!is_utf8(field->value)) return refuse_call(400, "`Portcullis-Message` is not UTF-8");
  message = field->value;
  return std::nullopt;
}

// What the brackets and commas of a JSON text tell before it is parsed.
struct JsonExtent {
  bool is_too_deep = false;
  bool is_too_large = false;
};
// The parser would accept any depth, and functions that work on values recursively would then run out of
// stack. A value takes many times the memory of its text.
JsonExtent json_extent_of(std::string_view text) {
  size_t depth = 0;
  size_t values = 1;
  bool in_text = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_text) {
      if (c == '\\') ++i;
      in_text = c != '"';
    } else if (c == '"') {
      in_text = true;
    } else if (c == '[' || c == '{') {
      ++values;
      if (++depth > config::kMaxDocumentDepth) return {.is_too_deep = true};
    } else if (c == ',') {
      ++values;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
    if (values > kMaxDocumentValues) return {.is_too_large = true};
  }
  return {};
}

}  // namespace

std::optional<ServerAnswer> refuse_request(const Call& call, const ServerRequest& request,
                                           std::string& message) {
  if (call.path.starts_with("/v1/")) {
    if (auto refusal = refuse_query(call, request)) return refusal;
  }
  if (auto refusal = refuse_body(call, request)) return refusal;
  if (call.effect == Call::Effect::kWrites) return read_message(request, message);
  return std::nullopt;
}

std::optional<ServerAnswer> read_json(std::string_view body, json& out) {
  const JsonExtent extent = json_extent_of(body);
  if (extent.is_too_deep)
    return refuse_call(
        400, "the body is nested deeper than " + std::to_string(config::kMaxDocumentDepth) + " levels");
  if (extent.is_too_large) return refuse_large_document();
  try {
    out = json::parse(body);
  } catch (const json::exception& fault) {
    Problem problem{.status = 400, .detail = "the body is not JSON in UTF-8"};
    // The parser's own words begin with the name of the exception in brackets.
    std::string_view why = fault.what();
    why.remove_prefix(std::min(why.find("] ") + 2, why.size()));
    problem.diagnostics.push_back(diagnostic_at("", std::string(why)));
    return problem.answer();
  }
  return std::nullopt;
}

ServerAnswer refuse_large_document() {
  return refuse_call(413, "the body has more than " + std::to_string(kMaxDocumentValues) +
                              " values: send its objects in several changes");
}

std::optional<ServerAnswer> refuse_members(const json& document, const std::vector<std::string_view>& known) {
  if (!document.is_object()) return refuse_document("", "expected an object");
  for (const auto& [name, value] : document.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::string pointer = "/";
    append_pointer_token(pointer, name);
    return refuse_document(pointer, "there is no `" + name + "` here" + suggestion_for(name, known));
  }
  return std::nullopt;
}

ServerAnswer refuse_document(std::string pointer, std::string message) {
  Problem problem{.status = 422, .detail = std::move(message)};
  problem.diagnostics.push_back(diagnostic_at(std::move(pointer), problem.detail));
  return problem.answer();
}

}  // namespace portcullis::control

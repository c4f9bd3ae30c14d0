#include "control/admin/question.h"

#include <nlohmann/json.hpp>

#include <string>
#include <utility>
#include <vector>

#include "control/admin/call_check.h"
#include "control/admin/shapes.h"

namespace portcullis::control {
namespace {

using nlohmann::json;

// The value of a text member, or ""; the answer to another value is stored in `refusal`.
std::string text_member(const json& asked, const char* key, std::optional<ServerAnswer>& refusal) {
  const auto found = asked.find(key);
  if (found == asked.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  refusal = refuse_document(std::string("/") + key, "expected a text");
  return {};
}

std::optional<ServerAnswer> read_headers(const json& asked, std::vector<std::string>& out) {
  const auto headers = asked.find("headers");
  if (headers == asked.end()) return std::nullopt;
  if (!headers->is_array()) return refuse_document("/headers", "expected a list of texts `Name: value`");
  for (const json& header : *headers) {
    if (!header.is_string())
      return refuse_document("/headers/" + std::to_string(out.size()), "expected a text `Name: value`");
    out.push_back(header.get<std::string>());
  }
  return std::nullopt;
}

}  // namespace

json question_schema() {
  json out = shape::object(
      {{"curl", shape::text("The line of a curl command; instead of `method`, `url`, `headers` and `body`.")},
       {"method", shape::text("The method of the request.")},
       {"url", shape::text("The URL of the request.")},
       {"headers", shape::list(shape::text("A field, as `Name: value`."))},
       {"body", shape::text("The body of the request.")},
       {"client", shape::text("The address from which the connection comes.")},
       {"listener", shape::text("The name of the listener.")},
       {"certificate", shape::text("The certificate of the client, as PEM.")}});
  out.erase("required");
  out["examples"] = json::array({json::object({{"curl", "curl http://127.0.0.1:8080/orders/7"}})});
  return out;
}

std::optional<ServerAnswer> read_question(const ServerRequest& request, Question& out) {
  json asked;
  if (auto refusal = read_json(request.body, asked)) return refusal;
  if (auto refusal = refuse_members(
          asked, {"curl", "method", "url", "headers", "body", "client", "listener", "certificate"}))
    return refusal;
  std::optional<ServerAnswer> refusal;
  const std::string curl = text_member(asked, "curl", refusal);
  if (!curl.empty()) {
    auto read = read_curl_line(curl);
    if (!read) return refuse_document("/curl", read.error().message);
    out = std::move(*read);
  } else {
    out.method = text_member(asked, "method", refusal);
    out.url = text_member(asked, "url", refusal);
    out.body = text_member(asked, "body", refusal);
    if (auto wrong = read_headers(asked, out.headers)) return wrong;
    if (!refusal && (out.method.empty() || out.url.empty()))
      refusal = refuse_document("", "`curl`, or `method` and `url` are needed");
  }
  out.client = text_member(asked, "client", refusal);
  out.listener = text_member(asked, "listener", refusal);
  out.certificate = text_member(asked, "certificate", refusal);
  return refusal;
}

}  // namespace portcullis::control

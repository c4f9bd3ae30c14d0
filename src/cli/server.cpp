#include "cli/server.h"

#include <cstdio>
#include <utility>

#include "base/json_text.h"
#include "base/text.h"
#include "cli/applied_files.h"
#include "cli/plain_text.h"
#include "control/say.h"

namespace portcullis::cli {
namespace {

using nlohmann::json;

// A document of many objects takes a gateway seconds to check.
constexpr Milliseconds kServerTimeout{60'000};

std::string member_text(const json& object, const char* name) {
  const bool has = object.is_object() && object.contains(name) && object[name].is_string();
  return has ? object[name].get<std::string>() : std::string();
}

size_t number_in(const json& object, const char* name) {
  const bool has = object.contains(name) && object[name].is_number_unsigned();
  return has ? object[name].get<size_t>() : 0;
}

// Where a diagnostic of the gateway belongs: the place in the files that were sent, else the gateway's own
// file, else the name of the object.
config::Location place_of(const json& diagnostic, const AppliedFiles* files) {
  const std::string path = member_text(diagnostic, "path");
  if (const std::string file = member_text(diagnostic, "file"); !file.empty()) {
    return {"the gateway's " + file, number_in(diagnostic, "line"), number_in(diagnostic, "column")};
  }
  if (diagnostic.contains("object") && diagnostic["object"].is_object()) {
    const std::string name = member_text(diagnostic["object"], "name");
    return {member_text(diagnostic["object"], "kind") + (name.empty() ? "" : "/" + name), 0, 0};
  }
  if (files != nullptr) return files->place_of(path, member_text(diagnostic, "message"));
  return {path.empty() ? "the change" : path, 0, 0};
}

}  // namespace

std::optional<Server> Server::find(const AdminChoice& choice, Failure& failure) {
  auto client = AdminClient::find(choice, failure);
  if (client) return Server(std::move(*client));
  if (failure.code == kUsage)
    failure.why = "name the gateway: by --server, or by a configuration with `admin`, in the variable " +
                  std::string(ConfigChoice::kVariable) + " or at " + ConfigChoice::kDefaultPath;
  return std::nullopt;
}

std::optional<ServerAnswer> Server::ask(const ServerCall& call, Failure& failure) {
  client::HttpRequest request;
  request.method = call.method;
  request.url = call.path;
  request.timeout = kServerTimeout;
  request.fields.emplace_back("accept", call.accept);
  if (!call.body.empty()) request.fields.emplace_back("content-type", "application/json");
  if (!call.message.empty()) request.fields.emplace_back("portcullis-message", call.message);
  request.body = call.body;
  client::HttpResponse response = client_.send(std::move(request));
  if (!response.error.empty()) {
    failure = cannot_ask(client_.base() + ": " + response.error);
    return std::nullopt;
  }
  ServerAnswer out{.status = response.status,
                   .text = std::move(response.body),
                   .revision = parse_decimal(response.value_of("portcullis-revision")).value_or(0)};
  out.document = json::parse(out.text, nullptr, false);
  return out;
}

Option message_option(std::string& message) {
  return {.names = "-m,--message",
          .value = "TEXT",
          .summary = "Why the change is made; the revision keeps it",
          .target = &message};
}

std::string refuse_message(const std::string& message) {
  return without_control_characters(message) == message ? "" : "`--message` is one line";
}

json tell_diagnostics(const json& diagnostics, OutputFormat format, const AppliedFiles* files,
                      size_t& errors) {
  json out = json::array();
  config::Diagnostics printed;
  for (const json& one : diagnostics) {
    if (!one.is_object()) continue;
    const config::Location place = place_of(one, files);
    const bool is_error = member_text(one, "severity") != "warning";
    errors += is_error ? 1 : 0;
    const std::string message = without_control_characters(member_text(one, "message"));
    if (is_error) {
      printed.error(place, message);
    } else {
      printed.warning(place, message);
    }
    json told = one;
    if (place.line_read != 0) {
      told["file"] = place.file.text();
      told["line"] = place.line();
      told["column"] = place.column;
    }
    out.push_back(std::move(told));
  }
  if (format == OutputFormat::kText) control::print_diagnostics(printed);
  return out;
}

int print_refusal(const std::string& command, const ServerAnswer& answer, OutputFormat format,
                  const AppliedFiles* files) {
  const ExitCode code = answer.status == 409 || answer.status == 422 ? kWrong : kCouldNot;
  std::string why = member_text(answer.document, "detail");
  if (why.empty()) why = "the answer is not that of an admin API";
  size_t errors = 0;
  json told = json::array();
  if (answer.document.is_object() && answer.document.contains("diagnostics"))
    told = tell_diagnostics(answer.document["diagnostics"], format, files, errors);
  if (format == OutputFormat::kJson) {
    std::fprintf(stderr, "portcullis: %s\n", without_control_characters(why).c_str());
    print_json({{"error", why}, {"status", answer.status}, {"diagnostics", std::move(told)}});
    return code;
  }
  if (errors == 0)
    return fail(command, {code, "the gateway answers " + std::to_string(answer.status) + ": " + why}, format);
  if (const std::string diff = member_text(answer.document, "diff"); !diff.empty())
    std::fprintf(stderr, "%s", diff.c_str());
  return code;
}

}  // namespace portcullis::cli

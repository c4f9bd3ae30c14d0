#include "control/admin/problem.h"

#include <utility>

#include "base/json_text.h"
#include "control/admin/call.h"
#include "control/admin/shapes.h"
#include "http/message.h"

namespace portcullis::control {
namespace {

using nlohmann::json;

// The words of a message, and the suggestion that suggestion_for() has added to them.
std::pair<std::string, std::string> split_suggestion(const std::string& message) {
  static constexpr std::string_view kMark = " - did you mean `";
  const size_t at = message.rfind(kMark);
  if (at == std::string::npos) return {message, ""};
  const size_t begin = at + kMark.size(), end = message.find('`', begin);
  return {message, message.substr(begin, end - begin)};
}

}  // namespace

ServerAnswer Problem::answer() const {
  json document = members;
  document["title"] = http::reason_phrase(status);
  document["status"] = status;
  document["detail"] = detail;
  document["diagnostics"] = diagnostics;
  return {.status = status,
          .content_type = media_type::kProblem,
          .body = json_text(document) + "\n",
          .fields = fields};
}

ServerAnswer refuse_call(uint16_t status, std::string detail, std::string fields) {
  return Problem{.status = status, .detail = std::move(detail), .fields = std::move(fields)}.answer();
}

json diagnostic_at(std::string pointer, const std::string& message) {
  auto [text, suggestion] = split_suggestion(message);
  json out{{"severity", "error"}, {"path", std::move(pointer)}, {"message", std::move(text)}};
  if (!suggestion.empty()) out["suggestion"] = std::move(suggestion);
  return out;
}

json as_json(const std::vector<config::Diagnostic>& diagnostics) {
  json out = json::array();
  for (const config::Diagnostic& one : diagnostics) {
    json told = diagnostic_at("", one.message);
    told["severity"] = name_of(one.severity);
    if (one.location.line() != 0) {
      told["file"] = one.location.file.text();
      told["line"] = one.location.line();
      told["column"] = one.location.column;
    }
    out.push_back(std::move(told));
  }
  return out;
}

json problem_schema() {
  json object = shape::object({{"kind", shape::text("The kind of the object, such as `routes`.")},
                               {"name", shape::text("The name of the object.")}});
  json diagnostic = shape::object(
      {{"severity", shape::choice({"error", "warning"})},
       {"path",
        shape::text("A JSON pointer (RFC 6901) into what was sent; empty: all of it, or none of it.")},
       {"message", shape::text("What is wrong, as `portcullis check` says it.")},
       {"suggestion", shape::text("The word that was probably meant.")},
       {"file", shape::text("The file of the configuration that is at fault.")},
       {"line", shape::integer("The line in the file.")},
       {"column", shape::integer("The column in the line.")},
       {"object", std::move(object)}},
      {"severity", "path", "message"});
  return shape::object({{"title", shape::text("The name of the status.")},
                        {"status", shape::integer("The status of the answer.")},
                        {"detail", shape::text("What is wrong, in sentences.")},
                        {"diagnostics", shape::list(std::move(diagnostic))}},
                       {"title", "status", "detail", "diagnostics"});
}

}  // namespace portcullis::control

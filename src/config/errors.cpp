#include "config/errors.h"

#include <algorithm>

#include "base/text.h"
#include "config/field_types.h"
#include "config/settable_fields.h"
#include "config/value_types.h"
#include "config/variable_examples.h"
#include "config/variables_map.h"
#include "http/characters.h"
#include "variables/text.h"

namespace portcullis::config {
namespace {

using variables::Moment;

constexpr size_t kMaxErrorBody = 64 << 10;

std::string check_error_text(const std::string& text) {
  const auto pieces = variables::parse_text(text, variables::Use::kText, Moment::kError);
  if (pieces) return "";
  const std::string& problem = pieces.error().message;
  return problem + (problem.find("{{") == std::string::npos ? "; write `{{` for a brace" : "");
}

std::string check_error_body(const std::string& text) {
  if (text.size() > kMaxErrorBody)
    return "the body has " + std::to_string(text.size()) + " bytes: at most 64KiB are allowed";
  return check_error_text(text);
}

std::string check_error_field(const std::string& name) {
  if (equals_ignoring_case(name, "content-type"))
    return "`" + name + "` cannot be set here: write `content_type`";
  return check_response_field(name);
}

std::string check_error_value(const std::string& text) {
  return std::all_of(text.begin(), text.end(), http::is_field_value)
             ? check_error_text(text)
             : "control characters are not allowed here";
}

Type<ErrorAnswer> error_answer_type() {
  auto answer = std::make_shared<ObjectType<ErrorAnswer>>(
      "error_answer", "The response for an error. What is not given stays as it is without a rule.");
  answer->optional("status", &ErrorAnswer::status, integer(200, 599), "The status code.")
      .default_in_words("that of the error")
      .optional("fields", &ErrorAnswer::fields,
                variables_map(check_error_field, "{retry-after: '5'}", check_error_value, Moment::kError),
                "Header fields that the response has exactly once, with this value. A field whose text is "
                "empty is not set. Other fields of the error, such as `www-authenticate`, stay.")
      .optional("content_type", &ErrorAnswer::content_type, media_type(),
                "The media type of `body`. Values of variables are escaped for it: for JSON, for HTML and "
                "XML, or not at all for `text/plain`. In other types a body has no variables.")
      .optional("body", &ErrorAnswer::body,
                text_with_variables("a text with variables", "sorry", check_error_body, Moment::kError),
                "The body, at most 64KiB. Values of variables add at most 64KiB to it: those that have no "
                "room are empty.")
      .locate_last(&ErrorAnswer::body_location)
      .default_in_words("problem details");
  return answer;
}

}  // namespace

Type<ErrorRule> error_rule_type() {
  auto rule = std::make_shared<ObjectType<ErrorRule>>(
      "error_rule",
      "What clients get for errors of the gateway itself: requests that it, or one of its policies, refuses, "
      "and requests that no target has answered. Responses of targets, answers of policies such as "
      "`respond`, "
      "and errors for gRPC clients are not changed.");
  rule->locate(&ErrorRule::location)
      .optional("status", &ErrorRule::status, non_empty(one_or_list_of<StatusRange>(status_range())),
                "Only errors with one of these statuses.")
      .default_in_words("any")
      .optional(
          "reason", &ErrorRule::reason, non_empty(one_or_list_of<std::string>(text("no_target"))),
          "Only errors with one of these [reasons](reasons.md), as `ended` of the access log names them.")
      .locate_last(&ErrorRule::reason_location)
      .default_in_words("any")
      .optional("when", &ErrorRule::when,
                checked_text("text", "", "request.header.accept exists", any_text,
                             variable_examples(VariableForm::kCondition, Moment::kRequest)),
                "Only errors of requests for which this condition holds, such as `request.path under /shop`. "
                "Of a request that could not be read, the variables of the request are empty, but for "
                "`request.id`.")
      .locate_last(&ErrorRule::when_location)
      .optional("respond", &ErrorRule::respond, error_answer_type(),
                "The response. Without it these errors are told as problem details, and later rules are not "
                "asked.");
  return rule;
}

}  // namespace portcullis::config

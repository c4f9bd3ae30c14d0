#pragma once

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "config/choice_type.h"
#include "config/list_type.h"
#include "config/object_type.h"
#include "config/type.h"
#include "variables/variable.h"

// The types by which the configuration is described. This header has the scalar types; the included headers
// have choices, lists and objects.
namespace portcullis::config {

// A scalar that `parse` stores in a C++ type; `parse` returns an error message or "".
template <typename T>
using Parse = std::function<std::string(const std::string& text, T& out)>;
// How JSON may represent the value. A text must match `pattern`, if there is one, or contain an environment
// variable.
struct ScalarForm {
  std::vector<std::string> other_types;  // besides "string": "integer", "number", "boolean"
  std::string pattern;                   // syntax of ECMAScript; empty: any text
};
nlohmann::json scalar_schema(const ScalarForm& form);
// The JSON Schema pattern of a text that contains an environment variable or a file.
inline constexpr const char* kHasVariable = R"(\$\{)";
// The JSON Schema pattern of extension keys (is_extension_key()) and YAML's merge key.
inline constexpr const char* kAuthorsKeys = "^(x-.*|<<)$";

// A text; `example` is shown in the JSON Schema.
Type<std::string> text(std::string example);
Type<bool> boolean();
// An integer from `min` to `max`, stored as `T`: uint16_t, uint32_t or uint64_t. Values outside of this range
// are errors, so the value always fits into `T`.
template <std::unsigned_integral T = uint64_t>
Type<T> integer(std::type_identity_t<T> min, std::type_identity_t<T> max);
Type<uint64_t> version_number();  // the value 1
Type<std::chrono::milliseconds> duration();
// The value for an unlimited duration, which is written as 0: longer than any real wait, and short enough to
// be added to any point in time.
inline constexpr std::chrono::milliseconds kNoTimeLimit = std::chrono::hours(24 * 365 * 10);
Type<std::chrono::milliseconds> time_limit();
Type<uint64_t> size();  // in bytes
// The size of a window of HTTP/2's flow control in bytes (RFC 9113 section 6.9.1).
Type<uint32_t> window_size();
using TextCheck = std::function<std::string(const std::string&)>;
// Makes another form of a text that means the same.
using TextForm = std::string (*)(const std::string&);
// `further_examples` follow `example` in the JSON Schema. The value is the text in the form that `form`
// makes, or the text itself where `form` is null.
Type<std::string> checked_text(std::string kind, std::string pattern, std::string example, TextCheck check,
                               std::vector<std::string> further_examples = {}, TextForm form = nullptr);
// A text in which braces enclose variables of the request, and `{{` stands for a brace. Text from environment
// variables and files is literal: braces in it have no special meaning.
// The JSON Schema has an example with each variable that has a value at `moment`.
Type<std::string> text_with_variables(std::string kind, std::string example, TextCheck check,
                                      variables::Moment moment = variables::Moment::kRequest);
// A key by which requests are told apart: one of `words`, the name of a variable, or a text with variables.
// The JSON Schema has these words and names as examples.
Type<std::string> key_with_variables(std::string kind, std::string example, TextCheck check,
                                     std::vector<std::string> words);
// The check of a text that is validated elsewhere.
inline std::string any_text(const std::string&) {
  return "";
}

// Warns about a variable in another product's syntax within a text with variables.
void warn_of_foreign_variables(const YamlNode& node, Diagnostics& diagnostics);
// The scalar of `node` as text_with_variables() stores it.
std::string with_inserted_braces_doubled(const YamlNode& node);

}  // namespace portcullis::config

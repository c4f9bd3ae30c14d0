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

// How the configuration is described, by the loader's own types: this header has those of scalars, the ones
// that it includes have those of choices, lists and objects.
namespace portcullis::config {

// A scalar stored in a C++ type by `parse`, which returns an error message or "".
template <typename T>
using Parse = std::function<std::string(const std::string& text, T& out)>;
// How JSON may write it. A text must match `pattern`, when there is one, or hold a variable of the
// environment.
struct ScalarForm {
  std::vector<std::string> other_types;  // besides "string": "integer", "number", "boolean"
  std::string pattern;                   // ECMAScript's language; empty: any text
};
nlohmann::json scalar_schema(const ScalarForm& form);
// A text with a variable of the environment or a file, as an expression for JSON Schema.
inline constexpr const char* kHasVariable = R"(\$\{)";
// Keys of the author's own (is_extension_key()), and YAML's merge key, as an expression for JSON Schema.
inline constexpr const char* kAuthorsKeys = "^(x-.*|<<)$";

// `example` is that of the JSON Schema.
Type<std::string> text(std::string example);
Type<bool> boolean();
// `T`: uint16_t, uint32_t or uint64_t. What is not from `min` to `max` is an error, and so always fits.
template <std::unsigned_integral T = uint64_t>
Type<T> integer(std::type_identity_t<T> min, std::type_identity_t<T> max);
Type<uint64_t> version_number();  // 1
Type<std::chrono::milliseconds> duration();
// How long something may take. 0 means no limit, and is stored as kNoTimeLimit: so
// long that nothing waits for it, and short enough to be added to any moment.
inline constexpr std::chrono::milliseconds kNoTimeLimit = std::chrono::hours(24 * 365 * 10);
Type<std::chrono::milliseconds> time_limit();
Type<uint64_t> size();  // in bytes
using TextCheck = std::function<std::string(const std::string&)>;
Type<std::string> checked_text(std::string kind, std::string pattern, std::string example, TextCheck check);
// A text in which braces enclose variables of the request, and `{{` stands for a brace. What variables of the
// environment and files have put into it is text as it is: its braces enclose nothing.
Type<std::string> text_with_variables(std::string kind, std::string example, TextCheck check);
// The check of a text that is judged elsewhere.
inline std::string any_text(const std::string&) {
  return "";
}

// Warns of a variable in a text with variables that is written as in another product.
void warn_of_foreign_variables(const YamlNode& node, Diagnostics& diagnostics);
// The scalar of `node` as text_with_variables() stores it.
std::string with_inserted_braces_doubled(const YamlNode& node);

}  // namespace portcullis::config

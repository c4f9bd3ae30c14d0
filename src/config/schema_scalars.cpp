#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "config/foreign_variables.h"
#include "config/json_value.h"
#include "config/likely_value.h"
#include "config/scalar_type.h"
#include "config/schema.h"
#include "config/variable_examples.h"

namespace portcullis::config {
namespace {

using std::chrono::milliseconds;

struct Unit {
  std::string_view suffix;
  uint64_t factor;
};

// Parses "<number><unit>" with one of the given units. Returns an error message, or "".
template <size_t N>
std::string parse_with_unit(const std::string& text, const Unit (&units)[N], const char* expected,
                            uint64_t& out) {
  const size_t digits = text.find_first_not_of("0123456789");
  const auto number = parse_decimal(std::string_view(text).substr(0, digits));
  const std::string_view suffix = digits == std::string::npos ? "" : std::string_view(text).substr(digits);
  for (const Unit& unit : units) {
    if (number && suffix == unit.suffix) {
      if (*number > (uint64_t{1} << 62) / unit.factor) return "`" + text + "` is too large";
      out = *number * unit.factor;
      return "";
    }
  }
  return "`" + text + "` is not " + expected;
}

}  // namespace

nlohmann::json scalar_schema(const ScalarForm& form) {
  nlohmann::json schema;
  if (form.other_types.empty()) {
    schema["type"] = "string";
  } else {
    schema["type"] = form.other_types;
    schema["type"].push_back("string");
  }
  if (!form.pattern.empty()) schema["pattern"] = "(?:" + form.pattern + ")|" + kHasVariable;
  return schema;
}

namespace {

// `text` as a YAML scalar, in quotes where it would otherwise have another type.
std::string quoted_where_needed(const std::string& text) {
  Diagnostics ignored;
  const auto list = parse_yaml("[" + text + "]", "", ignored);
  if (list != nullptr && list->items.size() == 1) {
    const YamlNode& only = *list->items.front();
    if (only.kind == YamlNode::Kind::kScalar && only.scalar == text && json_of(only).is_string()) return text;
  }
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

// Any text that `check` accepts.
class TextType final : public TypeFor<std::string> {
 public:
  TextType(std::string kind, std::string pattern, std::string example, TextCheck check,
           std::vector<std::string> further_examples, TextForm form = nullptr)
      : kind_(std::move(kind)),
        pattern_(std::move(pattern)),
        example_(std::move(example)),
        check_(std::move(check)),
        further_examples_(std::move(further_examples)),
        form_(form) {}

  void read(const YamlNode& node, std::string& out, Diagnostics& diagnostics) const override {
    if (node.kind != YamlNode::Kind::kScalar) return diagnostics.error(node.location, "expected " + kind_);
    const std::string problem = check_(node.scalar);
    if (!problem.empty()) return diagnostics.error(node.location, problem);
    out = form_ != nullptr ? form_(node.scalar) : node.scalar;
  }
  nlohmann::json json_schema() const override {
    // Editors write an example as the first type says: a text in quotes where YAML needs them.
    std::vector<std::string> types{"string"};
    // Scalars that YAML takes for numbers or truth values are valid texts here, if `check` accepts them.
    const auto is_taken = [this](const char* number) { return check_(number).empty(); };
    static constexpr const char* kNumbers[] = {"1", "1.5", "660"};  // the last one is a file's mode
    if (std::any_of(std::begin(kNumbers), std::end(kNumbers), is_taken)) types.push_back("number");
    if (check_("true").empty()) types.push_back("boolean");
    nlohmann::json schema = scalar_schema({{}, pattern_});
    if (types.size() > 1) schema["type"] = types;
    if (!further_examples_.empty()) schema["examples"] = further_examples_;
    return schema;
  }
  std::string describe() const override { return kind_; }
  std::string example() const override { return example_; }
  std::optional<std::string> write(const std::string& value) const override {
    return value.empty() || !check_(value).empty() ? std::nullopt : std::optional(quoted_where_needed(value));
  }

 private:
  std::string kind_;
  std::string pattern_;
  std::string example_;
  TextCheck check_;
  std::vector<std::string> further_examples_;
  TextForm form_;  // null: the text stays as it is
};

class VariablesType final : public TypeFor<std::string> {
 public:
  VariablesType(std::string kind, std::string example, TextCheck check,
                std::vector<std::string> further_examples)
      : text_(std::move(kind), "", std::move(example), std::move(check), std::move(further_examples)) {}

  void read(const YamlNode& node, std::string& out, Diagnostics& diagnostics) const override {
    warn_of_foreign_variables(node, diagnostics);
    if (node.inserted.empty()) return text_.read(node, out, diagnostics);
    YamlNode escaped = node;
    escaped.scalar = with_inserted_braces_doubled(node);
    text_.read(escaped, out, diagnostics);
  }
  nlohmann::json json_schema() const override { return text_.json_schema(); }
  std::string describe() const override { return text_.describe(); }
  std::string example() const override { return text_.example(); }
  std::optional<std::string> write(const std::string& value) const override { return text_.write(value); }

 private:
  TextType text_;
};

// YAML readers interpret a number with a leading 0 differently.
bool may_be_octal(const std::string& text) {
  return text.size() > 1 && text[0] == '0' && text.find_first_not_of("0123456789") == std::string::npos;
}
constexpr const char* kMayBeOctal =
    "` begins with 0, and some programs read such a number as octal: write it without the 0";

// An integer that `parse` reads; JSON may write it as a number or as a string of digits.
template <typename T>
Type<T> integer_type(uint64_t min, uint64_t max, Parse<T> parse) {
  nlohmann::json schema = scalar_schema({{"integer"}, "^(0|[1-9][0-9]*)$"});
  schema["minimum"] = min;
  schema["maximum"] = max;
  return std::make_shared<ScalarType<T>>(
      "a whole number", std::move(schema), std::to_string(std::clamp<uint64_t>(10, min, max)),
      std::move(parse), [](const T& value) { return std::to_string(value); }, likely_integer);
}

// Writes `value` in the largest unit in which it is a whole number.
template <size_t N>
std::string print_with_unit(uint64_t value, const Unit (&units)[N]) {
  const Unit* best = &units[0];
  for (const Unit& unit : units) {
    if (value % unit.factor == 0) best = &unit;
  }
  return std::to_string(value / best->factor) + std::string(best->suffix);
}

constexpr Unit kTimes[] = {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}};
constexpr Unit kSizes[] = {{"B", 1},         {"", 1},          {"KiB", 1 << 10},
                           {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", uint64_t{1} << 40}};

std::string print_duration(const milliseconds& value) {
  return value.count() == 0 ? "0s" : print_with_unit(static_cast<uint64_t>(value.count()), kTimes);
}

// Reads a duration; `zero` is the value that 0 stands for.
Type<milliseconds> duration_type(std::string kind, milliseconds zero) {
  return std::make_shared<ScalarType<milliseconds>>(
      std::move(kind), scalar_schema({{}, "^[0-9]+(ms|s|m|h)$"}), "30s",
      [zero](const std::string& value, milliseconds& out) {
        uint64_t number = 0;
        std::string problem =
            parse_with_unit(value, kTimes, "a duration such as 250ms, 5s, 1m or 1h", number);
        if (problem.empty() && number > 86'400'000ull * 366)
          problem = "`" + value + "` is longer than a year";
        if (problem.empty()) out = number == 0 ? zero : milliseconds(number);
        return problem;
      },
      print_duration, likely_duration);
}

// A size in bytes that `check` takes, stored as `T`.
template <std::unsigned_integral T>
Type<T> size_type(std::string kind, std::string (*check)(const std::string& value, uint64_t size)) {
  nlohmann::json schema = scalar_schema({{"integer"}, "^(0|[1-9][0-9]*|[0-9]+(B|KiB|MiB|GiB|TiB))$"});
  schema["minimum"] = 0;
  return std::make_shared<ScalarType<T>>(
      std::move(kind), std::move(schema), "64KiB",
      [check](const std::string& value, T& out) {
        if (may_be_octal(value)) return "`" + value + kMayBeOctal;
        uint64_t size = 0;
        std::string problem = parse_with_unit(value, kSizes, "a size such as 512, 64KiB or 10MiB", size);
        if (problem.empty() && check != nullptr) problem = check(value, size);
        if (problem.empty()) out = static_cast<T>(size);
        return problem;
      },
      [](const T& value) { return value == 0 ? "0" : print_with_unit(value, kSizes); }, likely_size);
}

}  // namespace

std::string with_inserted_braces_doubled(const YamlNode& node) {
  std::string out;
  size_t at = 0;
  for (const auto& [begin, end] : node.inserted) {
    out.append(node.scalar, at, begin - at);
    for (size_t i = begin; i < end; ++i) {
      out += node.scalar[i];
      if (node.scalar[i] == '{') out += '{';
    }
    at = end;
  }
  return out.append(node.scalar, at, std::string::npos);
}

void warn_of_foreign_variables(const YamlNode& node, Diagnostics& diagnostics) {
  // Text from an environment variable may be a secret that contains `$`.
  if (node.kind != YamlNode::Kind::kScalar || !node.inserted.empty()) return;
  const std::string_view found = foreign_variable(node.scalar);
  if (!found.empty())
    diagnostics.warning(
        node.location,
        "`" + std::string(found) +
            "` has no special meaning and stays as it is: variables of the request are written in braces, as "
            "`{client.address}`, and variables of the environment as `${NAME}`",
        "foreign_pattern");
}

Type<std::string> text(std::string example) {
  return checked_text("text", "", std::move(example), any_text);
}

Type<std::string> checked_text(std::string kind, std::string pattern, std::string example, TextCheck check,
                               std::vector<std::string> further_examples, TextForm form) {
  return std::make_shared<TextType>(std::move(kind), std::move(pattern), std::move(example), std::move(check),
                                    std::move(further_examples), form);
}

Type<std::string> text_with_variables(std::string kind, std::string example, TextCheck check,
                                      variables::Moment moment) {
  auto examples = variable_examples(VariableForm::kText, moment, check);
  return std::make_shared<VariablesType>(std::move(kind), std::move(example), std::move(check),
                                         std::move(examples));
}

Type<std::string> key_with_variables(std::string kind, std::string example, TextCheck check,
                                     std::vector<std::string> words) {
  for (std::string& name : variable_examples(VariableForm::kName, variables::Moment::kRequest, check))
    words.push_back(std::move(name));
  return std::make_shared<VariablesType>(std::move(kind), std::move(example), std::move(check),
                                         std::move(words));
}

Type<bool> boolean() {
  return std::make_shared<ScalarType<bool>>(
      "true or false", scalar_schema({{"boolean"}, "^(true|false)$"}), "true",
      [](const std::string& value, bool& out) -> std::string {
        if (value != "true" && value != "false") return "`" + value + "` is neither true nor false";
        out = value == "true";
        return "";
      },
      [](const bool& value) { return std::string(value ? "true" : "false"); }, likely_boolean);
}

template <std::unsigned_integral T>
Type<T> integer(std::type_identity_t<T> min, std::type_identity_t<T> max) {
  return integer_type<T>(min, max, [min, max](const std::string& value, T& out) -> std::string {
    if (may_be_octal(value)) return "`" + value + kMayBeOctal;
    const auto number = parse_decimal(value);
    if (!number || *number < min || *number > max) {
      return "`" + value + "` is not a whole number from " + std::to_string(min) + " to " +
             std::to_string(max);
    }
    out = static_cast<T>(*number);
    return "";
  });
}
template Type<uint16_t> integer(uint16_t, uint16_t);
template Type<uint32_t> integer(uint32_t, uint32_t);
template Type<uint64_t> integer(uint64_t, uint64_t);

Type<uint64_t> version_number() {
  return integer_type<uint64_t>(1, 1, [](const std::string& value, uint64_t& out) -> std::string {
    out = 1;
    return value == "1" ? "" : "`" + value + "` is not a known version of the format: write `version: 1`";
  });
}

Type<milliseconds> duration() {
  return duration_type("a duration", milliseconds(0));
}

Type<milliseconds> time_limit() {
  return duration_type("a duration (0s: no limit)", kNoTimeLimit);
}

Type<uint64_t> size() {
  return size_type<uint64_t>("a size", nullptr);
}

Type<uint32_t> window_size() {
  constexpr uint64_t kMaxWindow = (uint64_t{1} << 31) - 1;
  return size_type<uint32_t>("a size below 2GiB", [](const std::string& value, uint64_t size) -> std::string {
    if (size >= 1 && size <= kMaxWindow) return "";
    return "`" + value + "` is not the size of a window: from 1 byte to 2147483647 bytes (RFC 9113)";
  });
}

}  // namespace portcullis::config

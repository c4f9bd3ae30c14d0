#include "config/schema.h"

#include <nlohmann/json.hpp>

#include <cstring>
#include <set>

#include "base/text.h"

namespace portcullis::config {
namespace {

// A scalar whose text `store` checks and keeps; it returns what is wrong, or "".
class ScalarType final : public Type {
 public:
  using Store = std::function<std::string(const std::string& text, void* out)>;

  ScalarType(std::string kind, nlohmann::json schema, Store store)
      : kind_(std::move(kind)), schema_(std::move(schema)), store_(std::move(store)) {}

  void load(const YamlNode& node, void* out, Diagnostics& diagnostics) const override {
    if (node.kind != YamlNode::Kind::kScalar) {
      diagnostics.error(node.location, "expected " + kind_);
      return;
    }
    const std::string problem = store_(node.scalar, out);
    if (!problem.empty()) diagnostics.error(node.location, problem);
  }
  nlohmann::json json_schema() const override { return schema_; }
  std::string describe() const override { return kind_; }

 private:
  std::string kind_;
  nlohmann::json schema_;
  Store store_;
};

struct Unit {
  std::string_view suffix;
  uint64_t factor;
};

// "<number><unit>" with one of the given units, or a message.
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

class NonEmptyType final : public Type {
 public:
  explicit NonEmptyType(TypePointer list) : list_(std::move(list)) {}

  void load(const YamlNode& node, void* out, Diagnostics& diagnostics) const override {
    if (node.kind == YamlNode::Kind::kSequence && node.items.empty())
      return diagnostics.error(node.location, "the list is empty: leave the key out, or list something");
    list_->load(node, out, diagnostics);
  }
  nlohmann::json json_schema() const override {
    nlohmann::json schema = list_->json_schema();
    require_element(schema);
    return schema;
  }
  std::string describe() const override { return list_->describe(); }
  const ListType* list() const override { return list_->list(); }
  const ObjectType* object() const override { return list_->object(); }
  std::vector<std::pair<std::string, const ObjectType*>> alternatives() const override {
    return list_->alternatives();
  }

 private:
  // The list itself, or the one among several forms.
  static void require_element(nlohmann::json& schema) {
    if (schema.contains("items")) schema["minItems"] = 1;
    for (const char* several : {"oneOf", "anyOf"}) {
      if (!schema.contains(several)) continue;
      for (nlohmann::json& one : schema[several]) require_element(one);
    }
  }

  TypePointer list_;
};

}  // namespace

TypePointer non_empty(TypePointer list) {
  return std::make_shared<NonEmptyType>(std::move(list));
}

TypePointer text() {
  return std::make_shared<ScalarType>("text", nlohmann::json{{"type", "string"}},
                                      [](const std::string& value, void* out) {
                                        *static_cast<std::string*>(out) = value;
                                        return std::string();
                                      });
}

TypePointer boolean() {
  return std::make_shared<ScalarType>("true or false", nlohmann::json{{"type", "boolean"}},
                                      [](const std::string& value, void* out) -> std::string {
                                        if (value != "true" && value != "false") {
                                          return "`" + value + "` is neither true nor false";
                                        }
                                        *static_cast<bool*>(out) = value == "true";
                                        return "";
                                      });
}

TypePointer integer(uint64_t least, uint64_t most) {
  return std::make_shared<ScalarType>(
      "a whole number", nlohmann::json{{"type", "integer"}, {"minimum", least}, {"maximum", most}},
      [least, most](const std::string& value, void* out) -> std::string {
        const auto number = parse_decimal(value);
        if (!number || *number < least || *number > most) {
          return "`" + value + "` is not a whole number from " + std::to_string(least) + " to " +
                 std::to_string(most);
        }
        *static_cast<uint64_t*>(out) = *number;
        return "";
      });
}

namespace {

// Reads a duration; `zero` is what 0 stands for.
TypePointer duration_type(std::string kind, std::chrono::milliseconds zero) {
  static constexpr Unit kUnits[] = {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}};
  return std::make_shared<ScalarType>(
      std::move(kind), nlohmann::json{{"type", "string"}, {"pattern", "^[0-9]+(ms|s|m|h)$"}},
      [zero](const std::string& value, void* out) {
        uint64_t number = 0;
        std::string problem =
            parse_with_unit(value, kUnits, "a duration such as 250ms, 5s, 1m or 1h", number);
        if (problem.empty() && number > 86'400'000ull * 366)
          problem = "`" + value + "` is longer than a year";
        if (problem.empty()) {
          *static_cast<std::chrono::milliseconds*>(out) =
              number == 0 ? zero : std::chrono::milliseconds(number);
        }
        return problem;
      });
}

}  // namespace

TypePointer duration() {
  return duration_type("a duration", std::chrono::milliseconds(0));
}

TypePointer time_limit() {
  return duration_type("a duration (0s: no limit)", kNoTimeLimit);
}

TypePointer size() {
  static constexpr Unit kUnits[] = {{"", 1},          {"B", 1},         {"KiB", 1 << 10},
                                    {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", uint64_t{1} << 40}};
  return std::make_shared<ScalarType>(
      "a size", nlohmann::json{{"type", {"string", "integer"}}, {"pattern", "^[0-9]+(B|KiB|MiB|GiB|TiB)?$"}},
      [](const std::string& value, void* out) {
        return parse_with_unit(value, kUnits, "a size such as 512, 64KiB or 10MiB",
                               *static_cast<uint64_t*>(out));
      });
}

TypePointer checked_text(std::string kind, std::string pattern,
                         std::function<std::string(const std::string&)> check) {
  nlohmann::json schema{{"type", "string"}};
  if (!pattern.empty()) schema["pattern"] = std::move(pattern);
  return std::make_shared<ScalarType>(std::move(kind), std::move(schema),
                                      [check = std::move(check)](const std::string& value, void* out) {
                                        std::string problem = check(value);
                                        if (problem.empty()) *static_cast<std::string*>(out) = value;
                                        return problem;
                                      });
}

TypePointer choice(std::vector<std::pair<std::string, int>> words) {
  std::string kind = "one of";
  nlohmann::json values = nlohmann::json::array();
  for (const auto& [word, value] : words) {
    kind += (values.empty() ? " " : ", ") + word;
    values.push_back(word);
  }
  return std::make_shared<ScalarType>(
      kind, nlohmann::json{{"enum", values}},
      [words = std::move(words), kind](const std::string& given, void* out) -> std::string {
        std::vector<std::string_view> known;
        for (const auto& [word, value] : words) {
          if (word == given) {
            std::memcpy(out, &value, sizeof value);  // the enum's own type is not known here
            return "";
          }
          known.push_back(word);
        }
        return "`" + given + "` is not " + kind + suggestion_for(given, known);
      });
}

void ObjectType::load(const YamlNode& node, void* out, Diagnostics& diagnostics) const {
  if (location_) *location_(out) = node.location;
  if (node.kind != YamlNode::Kind::kMapping) {
    diagnostics.error(node.location, "expected " + name_ + " (keys and values)");
    return;
  }
  std::set<std::string_view> given;
  for (const auto& [key, value] : node.members) {
    given.insert(key->scalar);
    const Field* field = nullptr;
    std::vector<std::string_view> known;
    for (const Field& candidate : fields_) {
      if (candidate.name == key->scalar) field = &candidate;
      known.push_back(candidate.name);
    }
    if (field == nullptr) {
      diagnostics.error(key->location,
                        "unknown key `" + key->scalar + "` in " + name_ + suggestion_for(key->scalar, known));
      continue;
    }
    if (field->location) *field->location(out) = value->location;
    field->type->load(*value, field->member(out), diagnostics);
  }
  for (const Field& field : fields_) {
    if (field.required && !given.contains(field.name)) {
      diagnostics.error(node.location, name_ + " needs `" + field.name + "`");
    }
  }
}

nlohmann::json ObjectType::json_schema() const {
  nlohmann::json properties = nlohmann::json::object();
  nlohmann::json needed = nlohmann::json::array();
  for (const Field& field : fields_) {
    nlohmann::json schema = field.type->json_schema();
    schema["description"] = field.summary;
    properties[field.name] = std::move(schema);
    if (field.required) needed.push_back(field.name);
  }
  nlohmann::json schema{{"type", "object"}, {"additionalProperties", false}, {"properties", properties}};
  if (!needed.empty()) schema["required"] = needed;
  return schema;
}

void ListType::load(const YamlNode& node, void* out, Diagnostics& diagnostics) const {
  if (node.kind == YamlNode::Kind::kNull) return;
  if (node.kind != YamlNode::Kind::kSequence) {
    diagnostics.error(node.location, "expected a list of " + element_->describe());
    return;
  }
  clear(out);
  for (const auto& item : node.items) element_->load(*item, append(out), diagnostics);
}

nlohmann::json ListType::json_schema() const {
  return {{"type", "array"}, {"items", element_->json_schema()}};
}

}  // namespace portcullis::config

#include <nlohmann/json.hpp>

#include "config/variable_examples.h"
#include "policy/condition.h"

namespace portcullis::policy {

using variables::Moment;
using variables::Use;

namespace {

// Reads both forms of a condition, text and mapping, into the text of a condition.
class ConditionType final : public config::TypeFor<std::string> {
 public:
  void read(const config::YamlNode& node, std::string& out, config::Diagnostics& diagnostics) const override {
    std::string text;
    if (node.kind == config::YamlNode::Kind::kScalar) {
      text = node.scalar;
    } else if (node.kind == config::YamlNode::Kind::kMapping) {
      bool good = true;
      for (const auto& [key, value] : node.members) {
        if (const auto found = variables::find(key->scalar, Use::kCondition, Moment::kRequest); !found) {
          diagnostics.error(key->location, found.error().message);
          good = false;
        }
        std::string values;
        if (value->kind == config::YamlNode::Kind::kScalar) {
          values = quote(value->scalar);
        } else {
          for (const auto& item : value->items) values += (values.empty() ? "" : ", ") + quote(item->scalar);
        }
        text += (text.empty() ? "" : " and ") + key->scalar + " in [" + values + "]";
      }
      if (!good) return;
    }
    if (text.empty()) return diagnostics.error(node.location, "expected a condition");
    if (const std::string problem = Condition::check(text); !problem.empty())
      return diagnostics.error(node.location, problem);
    out = text;
  }
  nlohmann::json json_schema() const override {
    const nlohmann::json value{{"type", {"string", "number", "boolean"}}};
    nlohmann::json several = value;
    several["type"].push_back("array");
    several["items"] = value;
    nlohmann::json names{{"^<<$", true}};
    for (const variables::Row& row : variables::all()) {
      if (!row.can_be_read(Moment::kRequest)) continue;
      nlohmann::json one = several;
      one["description"] = row.description;
      names["^" + in_pattern(row.name) + (row.is_family() ? "." : "$")] = std::move(one);
    }
    return {{"type", {"string", "object"}},
            {"examples", config::variable_examples(config::VariableForm::kCondition, Moment::kRequest)},
            {"patternProperties", std::move(names)},
            {"additionalProperties", false}};
  }
  std::string describe() const override { return "a condition"; }
  std::string example() const override { return "consumer.groups = admins"; }
  std::optional<std::string> write(const std::string&) const override { return std::nullopt; }

 private:
  // `name` escaped as a pattern that matches only this name.
  static std::string in_pattern(std::string_view name) {
    std::string out;
    for (const char c : name) out += c == '.' ? "[.]" : std::string(1, c);
    return out;
  }
  static std::string quote(const std::string& value) {
    return value.find('"') == std::string::npos ? '"' + value + '"' : '\'' + value + '\'';
  }
};

}  // namespace

config::Type<std::string> Condition::type() {
  return std::make_shared<ConditionType>();
}

}  // namespace portcullis::policy

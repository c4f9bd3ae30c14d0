#include "config/condition_type.h"

#include <nlohmann/json.hpp>
#include <re2/re2.h>

#include "base/text.h"

namespace portcullis::config {
namespace {

std::string check_regex(const std::string& text) {
  const re2::RE2 expression(text, re2::RE2::Quiet);
  return expression.ok() ? "" : "`" + text + "` is not a valid regular expression: " + expression.error();
}

nlohmann::json described(const AnyType& type, const char* description, const nlohmann::json& example) {
  nlohmann::json schema = type.json_schema();
  schema["description"] = description;
  schema["examples"] = nlohmann::json::array({example});
  return schema;
}

class ConditionMapType final : public TypeFor<std::vector<Predicate>> {
 public:
  explicit ConditionMapType(std::function<std::string(const std::string&)> check_name)
      : check_name_(std::move(check_name)) {}

  void read(const YamlNode& node, std::vector<Predicate>& out, Diagnostics& diagnostics) const override {
    if (node.kind == YamlNode::Kind::kNull) return;
    if (node.kind != YamlNode::Kind::kMapping) {
      diagnostics.error(node.location, "expected names and values, as " + example());
      return;
    }
    for (const auto& [key, value] : node.members) {
      if (const std::string problem = check_name_(key->scalar); !problem.empty())
        diagnostics.error(key->location, problem);
      Predicate condition{key->scalar, Predicate::Kind::kEquals, ""};
      if (value->kind == YamlNode::Kind::kScalar) {
        condition.text = value->scalar;
      } else if (value->kind == YamlNode::Kind::kMapping && value->members.size() == 1) {
        load_condition(*value->members[0].first, *value->members[0].second, condition, diagnostics);
      } else {
        diagnostics.error(value->location, "expected a value, `{regex: ...}` or `{present: true}`");
      }
      out.push_back(std::move(condition));
    }
  }
  nlohmann::json json_schema() const override {
    return {
        {"type", {"object", "null"}},
        {"patternProperties", {{"^<<$", true}}},
        {"additionalProperties",
         {{"type", {"string", "number", "boolean", "object"}},
          {"minProperties", 1},
          {"maxProperties", 1},
          {"additionalProperties", false},
          {"properties",
           {{"regex", described(*regex_type().any(), "An expression (RE2) for the whole value.", "[a-z]+-2")},
            {"present",
             described(
                 *boolean().any(),
                 "`true`: the request must have a field or parameter of this name; `false`: it must not.",
                 true)}}}}}};
  }
  std::string describe() const override { return "names with a value, `{regex: ...}` or `{present: true}`"; }
  std::string example() const override { return "{x-version: '2'}"; }
  std::optional<std::string> write(const std::vector<Predicate>&) const override { return std::nullopt; }

 private:
  static void load_condition(const YamlNode& key, const YamlNode& value, Predicate& out,
                             Diagnostics& diagnostics) {
    if (key.scalar == "regex") {
      out.kind = Predicate::Kind::kMatches;
      regex_type().load(value, out.text, diagnostics);
    } else if (key.scalar == "present") {
      bool present = true;
      boolean().load(value, present, diagnostics);
      out.kind = present ? Predicate::Kind::kPresent : Predicate::Kind::kAbsent;
    } else {
      diagnostics.error(key.location, "unknown condition `" + key.scalar + "`" +
                                          suggestion_for(key.scalar, {"regex", "present"}));
    }
  }

  std::function<std::string(const std::string&)> check_name_;
};

}  // namespace

Type<std::vector<Predicate>> condition_map(std::function<std::string(const std::string&)> check_name) {
  return std::make_shared<ConditionMapType>(std::move(check_name));
}

Type<std::string> regex_type() {
  return checked_text("a regular expression", "", "'/v[0-9]+/orders'", check_regex);
}

}  // namespace portcullis::config

#include "config/policy_type.h"

#include <nlohmann/json.hpp>

#include "base/secret_name.h"
#include "base/text.h"
#include "config/variable_examples.h"
#include "config/variables_map.h"

namespace portcullis::config {
namespace {

class TextMapType final : public TypeFor<TextMap> {
 public:
  using Read = std::string (*)(const YamlNode&);

  // `moment` is that of the variables, if the texts have any.
  TextMapType(TextCheck check_key, std::string example, TextCheck check_value, Read read_value,
              variables::Moment moment = variables::Moment::kResponse)
      : check_key_(std::move(check_key)),
        example_(std::move(example)),
        check_value_(std::move(check_value)),
        read_(read_value),
        moment_(moment) {}

  void read(const YamlNode& node, TextMap& out, Diagnostics& diagnostics) const override {
    if (node.kind == YamlNode::Kind::kNull) return;
    if (node.kind != YamlNode::Kind::kMapping) {
      diagnostics.error(node.location, "expected keys and values, as " + example_);
      return;
    }
    out.clear();
    for (const auto& [key, value] : node.members) {
      if (const std::string problem = check_key_(key->scalar); !problem.empty())
        diagnostics.error(key->location, problem);
      if (read_ == with_inserted_braces_doubled && is_secret_name(key->scalar))
        value->mark = YamlNode::Mark::kSecret;
      if (read_ == with_inserted_braces_doubled) warn_of_foreign_variables(*value, diagnostics);
      std::string text = read_(*value);
      if (value->kind == YamlNode::Kind::kSequence || value->kind == YamlNode::Kind::kMapping) {
        diagnostics.error(value->location, "expected text");
      } else if (const std::string problem = check_value_(text); !problem.empty()) {
        const bool is_secret = value->mark == YamlNode::Mark::kSecret;
        diagnostics.error(value->location, is_secret ? without_secret(problem, value->scalar) : problem);
      }
      out.emplace_back(key->scalar, std::move(text));
    }
  }
  nlohmann::json json_schema() const override {
    nlohmann::json value{{"type", {"string", "number", "boolean", "null"}}};
    if (read_ == with_inserted_braces_doubled)
      value["examples"] = variable_examples(VariableForm::kText, moment_, check_value_);
    return {
        {"type", {"object", "null"}},
        {"patternProperties", {{"^<<$", true}}},
        {"additionalProperties", std::move(value)},
    };
  }
  std::string describe() const override { return "names and texts"; }
  std::string example() const override { return example_; }
  std::optional<std::string> write(const TextMap&) const override { return std::nullopt; }

 private:
  TextCheck check_key_;
  std::string example_;
  TextCheck check_value_;
  Read read_;
  variables::Moment moment_;
};

}  // namespace

std::string names_with(const PolicyCatalog& catalog, bool PolicyTraits::*trait) {
  std::string out;
  for (const PolicyType& one : catalog) {
    if (one.traits.*trait) out += (out.empty() ? "`" : ", `") + one.name + "`";
  }
  return out;
}

Type<TextMap> text_map(TextCheck check_key, std::string example, TextCheck check_value) {
  return std::make_shared<TextMapType>(std::move(check_key), std::move(example), std::move(check_value),
                                       [](const YamlNode& node) { return node.scalar; });
}

Type<TextMap> variables_map(TextCheck check_key, std::string example, TextCheck check_value,
                            variables::Moment moment) {
  return std::make_shared<TextMapType>(std::move(check_key), std::move(example), std::move(check_value),
                                       with_inserted_braces_doubled, moment);
}

Type<TextMap> variables_map(TextCheck check_key, std::string example, TextCheck check_value) {
  return variables_map(std::move(check_key), std::move(example), std::move(check_value),
                       variables::Moment::kResponse);
}

}  // namespace portcullis::config

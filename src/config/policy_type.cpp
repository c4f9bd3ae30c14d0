#include "config/policy_type.h"

#include <nlohmann/json.hpp>

#include "base/secret_name.h"
#include "base/text.h"
#include "config/json_value.h"
#include "config/other_products.h"
#include "config/variable_examples.h"

namespace portcullis::config {
namespace {

class PolicyListType final : public TypeFor<std::vector<PolicyUse>> {
 public:
  explicit PolicyListType(const PolicyCatalog& catalog) : catalog_(catalog) {}

  void read(const YamlNode& node, std::vector<PolicyUse>& out, Diagnostics& diagnostics) const override {
    if (node.kind == YamlNode::Kind::kNull) return;
    if (node.kind != YamlNode::Kind::kSequence) {
      const std::string first = node.members.empty() ? "key_auth" : node.members.front().first->scalar;
      diagnostics.error(node.location,
                        "expected a list of policies: each begins with `- `, as `- " + first + ": {...}`");
      return;
    }
    for (const auto& item : node.items) load_one(*item, out, diagnostics);
  }
  // The schema is a single object with all policies as keys, so that mistakes are reported within the policy
  // that is meant.
  nlohmann::json json_schema() const override {
    nlohmann::json policies = nlohmann::json::object();
    for (const PolicyType& policy : catalog_) {
      nlohmann::json its = policy.type->json_schema();
      its["description"] = policy.type->summary();
      its["examples"] = nlohmann::json::array({json_of_yaml(policy.type->example())});
      policies[policy.name] = std::move(its);
    }
    const nlohmann::json authors_key{{"pattern", kAuthorsKeys}};
    return {{"type", {"array", "null"}},
            {"items",
             {{"type", "object"},
              {"minProperties", 1},
              {"additionalProperties", false},
              {"properties", std::move(policies)},
              {"patternProperties", {{kAuthorsKeys, true}}},
              {"if", {{"propertyNames", {{"not", authors_key}}}}},
              {"then", {{"maxProperties", 1}}}}}};
  }
  std::string describe() const override { return "list of policy"; }
  std::string example() const override {
    const PolicyType& one = catalog_.front();
    return "[{" + one.name + ": " + one.type->example() + "}]";
  }
  std::optional<std::string> write(const std::vector<PolicyUse>& uses) const override {
    return uses.empty() ? std::optional<std::string>("[]") : std::nullopt;
  }
  std::vector<std::pair<std::string, const AnyObject*>> alternatives() const override {
    std::vector<std::pair<std::string, const AnyObject*>> all;
    for (const PolicyType& policy : catalog_) all.emplace_back(policy.name, policy.type.get());
    return all;
  }

 private:
  void load_one(const YamlNode& item, std::vector<PolicyUse>& uses, Diagnostics& diagnostics) const {
    const YamlNode* key = nullptr;
    const YamlNode* value = nullptr;
    size_t count = 0;
    for (const auto& [its_key, its_value] : item.members) {
      if (is_extension_key(its_key->scalar)) continue;
      key = its_key.get();
      value = its_value.get();
      ++count;
    }
    if (count != 1) return report_form(item, diagnostics);
    if (const PolicyType* policy = find(key->scalar)) {
      uses.push_back({key->location, policy->name, policy->load(*value, diagnostics), policy->traits});
      return;
    }
    diagnostics.error(key->location, "there is no policy `" + key->scalar + "`" + hint_for(key->scalar));
  }

  const PolicyType* find(const std::string& name) const {
    for (const PolicyType& policy : catalog_) {
      if (policy.name == name) return &policy;
    }
    return nullptr;
  }

  // A hint about the policy that may be meant by an unknown name; or "".
  std::string hint_for(const std::string& name) const {
    if (std::string hint = hint_for_foreign_policy(name); !hint.empty()) return hint;
    std::vector<std::string_view> known;
    for (const PolicyType& policy : catalog_) known.push_back(policy.name);
    return suggestion_for(name, known);
  }

  // Reports what is wrong with an entry that is not a single name with its settings.
  void report_form(const YamlNode& item, Diagnostics& diagnostics) const {
    const std::string expected = "expected one policy: its name, a colon and its settings";
    if (item.kind == YamlNode::Kind::kScalar) {
      const bool known = find(item.scalar) != nullptr;
      return diagnostics.error(item.location,
                               expected + (known ? ", as `" + item.scalar + ": {}`" : hint_for(item.scalar)));
    }
    if (item.members.size() < 2) return diagnostics.error(item.location, expected);
    const auto& [key, value] = item.members[0];
    const auto& [second, its_value] = item.members[1];
    if (find(key->scalar) != nullptr && find(second->scalar) != nullptr)
      return diagnostics.error(second->location, "`" + second->scalar +
                                                     "` is a second policy of this entry: each "
                                                     "begins with a `- ` of its own");
    if (find(key->scalar) != nullptr && value->kind == YamlNode::Kind::kNull)
      return diagnostics.error(
          second->location,
          "`" + second->scalar + "` stands beside `" + key->scalar +
              "`: to make it a setting of that policy, indent it further than the name of the policy");
    // Other products write `name: rate-limiting` and `config: {...}`.
    if (const YamlNode* name = item.find("name"); name != nullptr && name->kind == YamlNode::Kind::kScalar) {
      const std::string hint = find(name->scalar) != nullptr ? "" : hint_for(name->scalar);
      return diagnostics.error(item.location,
                               "a policy's name is the key of its settings, as `- key_auth: {...}`, and not "
                               "a `name` beside them" +
                                   (hint.empty() ? "" : "; `" + name->scalar + "`" + hint));
    }
    diagnostics.error(item.location, expected);
  }

  PolicyCatalog catalog_;
};

class TextMapType final : public TypeFor<TextMap> {
 public:
  using Read = std::string (*)(const YamlNode&);

  TextMapType(TextCheck check_key, std::string example, TextCheck check_value, Read read_value)
      : check_key_(std::move(check_key)),
        example_(std::move(example)),
        check_value_(std::move(check_value)),
        read_(read_value) {}

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
      value["examples"] = variable_examples(VariableForm::kText, variables::Moment::kResponse, check_value_);
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
};

}  // namespace

std::string names_with(const PolicyCatalog& catalog, bool PolicyTraits::*trait) {
  std::string out;
  for (const PolicyType& one : catalog) {
    if (one.traits.*trait) out += (out.empty() ? "`" : ", `") + one.name + "`";
  }
  return out;
}

Type<std::vector<PolicyUse>> policy_list(const PolicyCatalog& catalog) {
  return std::make_shared<PolicyListType>(catalog);
}

Type<TextMap> text_map(TextCheck check_key, std::string example, TextCheck check_value) {
  return std::make_shared<TextMapType>(std::move(check_key), std::move(example), std::move(check_value),
                                       [](const YamlNode& node) { return node.scalar; });
}

Type<TextMap> variables_map(TextCheck check_key, std::string example, TextCheck check_value) {
  return std::make_shared<TextMapType>(std::move(check_key), std::move(example), std::move(check_value),
                                       with_inserted_braces_doubled);
}

}  // namespace portcullis::config

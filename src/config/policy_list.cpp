#include "config/policy_list.h"

#include <nlohmann/json.hpp>

#include <type_traits>

#include "base/text.h"
#include "config/field_types.h"
#include "config/json_value.h"
#include "config/other_products.h"

namespace portcullis::config {
namespace {

// The key of an entry that names a policy set.
constexpr const char* kUse = "use";

// `List` is std::vector<PolicyUse>, or PolicyList for a list whose entries can be policy sets, too.
template <typename List>
class PolicyListType final : public TypeFor<List> {
 public:
  explicit PolicyListType(const PolicyCatalog& catalog) : catalog_(catalog) {}

  void read(const YamlNode& node, List& out, Diagnostics& diagnostics) const override {
    if (node.kind == YamlNode::Kind::kNull) return;
    if (node.kind != YamlNode::Kind::kSequence) {
      const std::string first = node.members.empty() ? "key_auth" : node.members.front().first->scalar;
      diagnostics.error(node.location, "expected a list of policies: each begins with `- `, as `- " + first +
                                           (first == kUse ? ": NAME`" : ": {...}`"));
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
    if constexpr (kTakesSets) {
      policies[kUse] = set_name_->json_schema();
      policies[kUse]["description"] =
          "The name of a policy set, whose policies run here in their order (`policy_sets`).";
      policies[kUse]["examples"] = nlohmann::json::array({"public"});
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
  std::optional<std::string> write(const List& uses) const override {
    return uses.empty() ? std::optional<std::string>("[]") : std::nullopt;
  }
  std::vector<std::pair<std::string, const AnyObject*>> alternatives() const override {
    std::vector<std::pair<std::string, const AnyObject*>> all;
    for (const PolicyType& policy : catalog_) all.emplace_back(policy.name, policy.type.get());
    return all;
  }

 private:
  void load_one(const YamlNode& item, List& uses, Diagnostics& diagnostics) const {
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
    if (key->scalar == kUse) return load_use(*value, uses, diagnostics);
    if (const PolicyType* policy = find(key->scalar)) {
      uses.push_back(
          PolicyUse{key->location, policy->name, policy->load(*value, diagnostics), policy->traits});
      return;
    }
    diagnostics.error(key->location, "there is no policy `" + key->scalar + "`" + hint_for(key->scalar));
  }

  void load_use(const YamlNode& name, List& uses, Diagnostics& diagnostics) const {
    if constexpr (kTakesSets) {
      PolicySetUse use{name.location, {}};
      set_name_.load(name, use.name, diagnostics);
      uses.push_back(std::move(use));
    } else {
      diagnostics.error(name.location,
                        "a policy set can be used only in the `policies` of a route and of the top level: "
                        "write the policies themselves here");
    }
  }

  const PolicyType* find(const std::string& name) const {
    for (const PolicyType& policy : catalog_) {
      if (policy.name == name) return &policy;
    }
    return nullptr;
  }

  bool is_known(const std::string& key) const { return key == kUse || find(key) != nullptr; }

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
    if (is_known(key->scalar) && is_known(second->scalar))
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

  static constexpr bool kTakesSets = std::is_same_v<List, PolicyList>;

  PolicyCatalog catalog_;
  Type<std::string> set_name_ = name_type();
};

}  // namespace

Type<std::vector<PolicyUse>> policy_list(const PolicyCatalog& catalog) {
  return std::make_shared<PolicyListType<std::vector<PolicyUse>>>(catalog);
}

Type<PolicyList> policy_list_with_sets(const PolicyCatalog& catalog) {
  return std::make_shared<PolicyListType<PolicyList>>(catalog);
}

}  // namespace portcullis::config

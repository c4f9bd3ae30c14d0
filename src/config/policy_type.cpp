#include "config/policy_type.h"

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace portcullis::config {
namespace {

class PolicyListType final : public Type {
 public:
  explicit PolicyListType(const PolicyCatalog& catalog) : catalog_(catalog) {}

  void load(const YamlNode& node, void* out, Diagnostics& diagnostics) const override {
    if (node.kind == YamlNode::Kind::kNull) return;
    if (node.kind != YamlNode::Kind::kSequence) {
      diagnostics.error(node.location, "expected a list of policies");
      return;
    }
    auto& uses = *static_cast<std::vector<PolicyUse>*>(out);
    for (const auto& item : node.items) load_one(*item, uses, diagnostics);
  }
  nlohmann::json json_schema() const override {
    nlohmann::json choices = nlohmann::json::array();
    for (const PolicyType& policy : catalog_) {
      choices.push_back({{"type", "object"},
                         {"additionalProperties", false},
                         {"properties", {{policy.name, policy.type->json_schema()}}},
                         {"required", {policy.name}}});
    }
    return {{"type", "array"}, {"items", {{"oneOf", choices}}}};
  }
  std::string describe() const override { return "list of policy"; }
  std::vector<std::pair<std::string, const ObjectType*>> alternatives() const override {
    std::vector<std::pair<std::string, const ObjectType*>> all;
    for (const PolicyType& policy : catalog_) all.emplace_back(policy.name, policy.type->object());
    return all;
  }

 private:
  void load_one(const YamlNode& item, std::vector<PolicyUse>& uses, Diagnostics& diagnostics) const {
    if (item.kind != YamlNode::Kind::kMapping || item.members.size() != 1) {
      diagnostics.error(item.location, "expected one policy: its name, a colon and its settings");
      return;
    }
    const auto& [key, value] = item.members.front();
    std::vector<std::string_view> known;
    for (const PolicyType& policy : catalog_) {
      known.push_back(policy.name);
      if (policy.name != key->scalar) continue;
      const std::shared_ptr<void> settings = policy.make();
      policy.type->load(*value, settings.get(), diagnostics);
      uses.push_back({key->location, policy.name, settings});
      return;
    }
    diagnostics.error(key->location,
                      "there is no policy `" + key->scalar + "`" + suggestion_for(key->scalar, known));
  }

  PolicyCatalog catalog_;
};

class TextMapType final : public Type {
 public:
  TextMapType(TextCheck check_key, TextCheck check_value)
      : check_key_(std::move(check_key)), check_value_(std::move(check_value)) {}

  void load(const YamlNode& node, void* out, Diagnostics& diagnostics) const override {
    if (node.kind == YamlNode::Kind::kNull) return;
    if (node.kind != YamlNode::Kind::kMapping) {
      diagnostics.error(node.location, "expected keys and values");
      return;
    }
    static_cast<TextMap*>(out)->clear();
    for (const auto& [key, value] : node.members) {
      if (const std::string problem = check_key_(key->scalar); !problem.empty())
        diagnostics.error(key->location, problem);
      if (value->kind == YamlNode::Kind::kSequence || value->kind == YamlNode::Kind::kMapping) {
        diagnostics.error(value->location, "expected text");
      } else if (const std::string problem = check_value_(value->scalar); !problem.empty()) {
        diagnostics.error(value->location, problem);
      }
      static_cast<TextMap*>(out)->emplace_back(key->scalar, value->scalar);
    }
  }
  nlohmann::json json_schema() const override {
    return {{"type", "object"}, {"additionalProperties", {{"type", {"string", "number", "boolean"}}}}};
  }
  std::string describe() const override { return "names and texts"; }

 private:
  TextCheck check_key_;
  TextCheck check_value_;
};

}  // namespace

TypePointer policy_list(const PolicyCatalog& catalog) {
  return std::make_shared<PolicyListType>(catalog);
}

TypePointer text_map(TextCheck check_key, TextCheck check_value) {
  return std::make_shared<TextMapType>(std::move(check_key), std::move(check_value));
}

}  // namespace portcullis::config

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/schema.h"

namespace portcullis::config {

// A policy's settings once they are loaded. Only the policy knows their C++ type. Shared and immutable.
class PolicySettings {
 public:
  PolicySettings() = default;

  // Loads those that `type` describes.
  template <typename S>
  static PolicySettings load(const Type<S>& type, const YamlNode& node, Diagnostics& diagnostics) {
    auto held = std::make_shared<Held<S>>();
    type.load(node, held->settings, diagnostics);
    return PolicySettings(std::move(held));
  }
  // The settings, which must be an S: else std::bad_cast.
  template <typename S>
  const S& as() const {
    return dynamic_cast<const Held<S>&>(*held_).settings;
  }

 private:
  struct Base {
    virtual ~Base() = default;
  };
  template <typename S>
  struct Held final : Base {
    S settings;
  };
  explicit PolicySettings(std::shared_ptr<const Base> held) : held_(std::move(held)) {}

  std::shared_ptr<const Base> held_;
};

// What others must know of a kind of policy, whatever its settings say. Each policy declares it in its
// folder.
struct PolicyTraits {
  bool authenticates = false;       // it tells who calls: `any_of` can offer it
  bool limits_consumers = false;    // plans may contain it
  bool answers_all = false;         // it answers every request: no policy behind it sees one, nor an upstream
  bool answers_preflights = false;  // CORS preflights reach it, although its route does not take OPTIONS
};

// What the loader knows of one policy: its key in the configuration, the description of its settings, and its
// traits.
struct PolicyType {
  template <typename S>
  PolicyType(std::string its_name, std::shared_ptr<ObjectType<S>> its_settings)
      : name(std::move(its_name)),
        type(its_settings),
        load([settings = Type<S>(its_settings)](const YamlNode& node, Diagnostics& diagnostics) {
          return PolicySettings::load(settings, node, diagnostics);
        }) {}

  std::string name;
  std::shared_ptr<const AnyObject> type;
  std::function<PolicySettings(const YamlNode&, Diagnostics&)> load;
  PolicyTraits traits{};
};

using PolicyCatalog = std::vector<PolicyType>;

// One entry of a `policies` list.
struct PolicyUse {
  Location location;
  std::string name;
  PolicySettings settings;
  PolicyTraits traits{};
};

// A list of policies, each a mapping of one policy's name to its settings (and keys of the author's own).
Type<std::vector<PolicyUse>> policy_list(const PolicyCatalog& catalog);

// A mapping of free keys to texts, in the order of the file. The checks return what is wrong, or "".
using TextMap = std::vector<std::pair<std::string, std::string>>;
Type<TextMap> text_map(TextCheck check_key, std::string example, TextCheck check_value);
// The same with texts as text_with_variables() takes them.
Type<TextMap> variables_map(TextCheck check_key, std::string example, TextCheck check_value);

}  // namespace portcullis::config

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/schema.h"

namespace portcullis::config {

// The loaded settings of a policy. Only the policy knows their C++ type. Shared and immutable.
class PolicySettings {
 public:
  PolicySettings() = default;

  // Loads settings that `type` describes.
  template <typename S>
  static PolicySettings load(const Type<S>& type, const YamlNode& node, Diagnostics& diagnostics) {
    auto held = std::make_shared<Held<S>>();
    type.load(node, held->settings, diagnostics);
    return PolicySettings(std::move(held));
  }
  // The settings as an S; throws std::bad_cast when they have another type.
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

// Properties of a policy that hold whatever its settings are. Each policy declares them in its folder.
struct PolicyTraits {
  bool authenticates = false;       // finds out who the caller is: `any_of` can contain it
  bool tells_claims = false;        // finds out the claims of the caller's token
  bool limits_consumers = false;    // plans may contain it
  bool answers_all = false;         // answers every request: neither later policies nor an upstream get one
  bool stores_responses = false;    // answers requests with responses that other requests have fetched
  bool answers_preflights = false;  // gets CORS preflights, although its route does not match OPTIONS
};

// The loader's description of a policy: its key in the configuration, the type of its settings, its traits.
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

// The names of the policies with a trait, for messages: "`redirect`, `respond`".
std::string names_with(const PolicyCatalog& catalog, bool PolicyTraits::*trait);

// A policy with its settings, as an entry of a `policies` list has it.
struct PolicyUse {
  Location location;
  std::string name;
  PolicySettings settings;
  PolicyTraits traits{};
};

// A mapping of arbitrary keys to texts, in the order of the file. The checks return what is wrong, or "".
using TextMap = std::vector<std::pair<std::string, std::string>>;
Type<TextMap> text_map(TextCheck check_key, std::string example, TextCheck check_value);
// Like text_map(), with texts as in text_with_variables().
Type<TextMap> variables_map(TextCheck check_key, std::string example, TextCheck check_value,
                            variables::Moment moment = variables::Moment::kResponse);

}  // namespace portcullis::config

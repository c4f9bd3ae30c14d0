#include "control/revisions/object_diff.h"

#include <nlohmann/json.hpp>

#include <algorithm>

#include "base/json_pointer.h"
#include "base/unified_diff.h"
#include "config/yaml_writer.h"
#include "control/revisions/secrets_shown.h"

namespace portcullis::control {
namespace {

using nlohmann::json;

// A value in two forms: as it is, and as it is shown.
struct Side {
  const json* value;  // null when there is none
  const json* shown;

  Side member(const std::string& key) const {
    const bool has = value != nullptr && value->is_object() && value->contains(key);
    return has ? Side{&value->at(key), &shown->at(key)} : Side{nullptr, nullptr};
  }
  Side element(size_t index) const {
    const bool has = value != nullptr && value->is_array() && index < value->size();
    return has ? Side{&(*value)[index], &(*shown)[index]} : Side{nullptr, nullptr};
  }
};

class Comparison {
 public:
  json out = json::array();

  void compare(const Side& before, const Side& after) {
    const bool both = before.value != nullptr && after.value != nullptr;
    if (both && *before.value == *after.value) return;
    if (both && before.value->is_object() && after.value->is_object()) {
      std::vector<std::string> keys;
      for (const json* one : {before.value, after.value}) {
        for (auto member = one->begin(); member != one->end(); ++member) keys.push_back(member.key());
      }
      std::sort(keys.begin(), keys.end());
      keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
      for (const std::string& key : keys) step(key, before.member(key), after.member(key));
      return;
    }
    if (both && before.value->is_array() && after.value->is_array()) {
      const size_t count = std::max(before.value->size(), after.value->size());
      for (size_t i = 0; i < count; ++i) step(std::to_string(i), before.element(i), after.element(i));
      return;
    }
    json change{{"pointer", pointer_}};
    if (before.value != nullptr) change["before"] = *before.shown;
    if (after.value != nullptr) change["after"] = *after.shown;
    out.push_back(std::move(change));
  }

 private:
  void step(const std::string& token, const Side& before, const Side& after) {
    const size_t length = pointer_.size();
    pointer_ += '/';
    append_pointer_token(pointer_, token);
    compare(before, after);
    pointer_.resize(length);
  }

  std::string pointer_;
};

}  // namespace

json shown(const config::Object& object) {
  return hide_secrets(json::parse(object.json, nullptr, false), object.secrets);
}

json changes_between(const config::Object& before, const config::Object& after) {
  const json old_value = json::parse(before.json, nullptr, false), old_shown = shown(before);
  const json new_value = json::parse(after.json, nullptr, false), new_shown = shown(after);
  Comparison comparison;
  comparison.compare({&old_value, &old_shown}, {&new_value, &new_shown});
  return std::move(comparison.out);
}

json describe_difference(const config::Object* before, const config::Object* after) {
  const config::Object& one = before != nullptr ? *before : *after;
  json out{{"kind", one.kind->word()}, {"name", one.name}, {"changes", json::array()}};
  if (before == nullptr) {
    out["change"] = "added";
    out["changes"].push_back({{"pointer", ""}, {"after", shown(*after)}});
  } else if (after == nullptr) {
    out["change"] = "removed";
    out["changes"].push_back({{"pointer", ""}, {"before", shown(*before)}});
  } else {
    out["change"] = "changed";
    out["changes"] = changes_between(*before, *after);
  }
  return out;
}

std::string text_of_difference(const config::Object* before, const config::Object* after) {
  const config::Object& one = before != nullptr ? *before : *after;
  const std::string title = config::title_of(*one.kind, one.name);
  const std::string old_text = before == nullptr ? "" : config::yaml_of_json(shown(*before));
  const std::string new_text = after == nullptr ? "" : config::yaml_of_json(shown(*after));
  std::string hunks = unified_hunks(old_text, new_text);
  if (hunks.empty()) return {};  // a secret has changed
  return "--- " + (before == nullptr ? "/dev/null" : title) + "\n+++ " +
         (after == nullptr ? "/dev/null" : title) + "\n" + hunks;
}

}  // namespace portcullis::control

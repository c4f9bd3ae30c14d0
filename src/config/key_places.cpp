#include "config/key_places.h"

#include <algorithm>
#include <vector>

namespace portcullis::config {
namespace {

constexpr size_t kMaxPlaces = 3;

// Prefix of the titles of policies' objects, because some policies have the name of a top-level object.
constexpr std::string_view kOfPolicy = "policies/";

using Sections = std::vector<ReferenceSection>;

std::string place_in_words(const std::string& title) {
  if (title.empty()) return "the top level";
  if (title.starts_with(kOfPolicy)) return "the policy `" + title.substr(kOfPolicy.size()) + "`";
  return "`" + title + "`";
}

bool has_key(const ReferenceSection& section, std::string_view key) {
  const auto& fields = section.object->fields();
  return std::any_of(fields.begin(), fields.end(), [key](const auto& field) { return field.name == key; });
}

// True when the object titled `inner` is a part of the one titled `outer`.
bool is_inside(const std::string& inner, const std::string& outer) {
  return !outer.empty() && inner.size() > outer.size() && inner.starts_with(outer) &&
         inner[outer.size()] == '.';
}

// True for a main part of the configuration, such as a route, as opposed to parts of parts and policies.
bool is_main(const ReferenceSection& section) {
  return section.title.find_first_of("./") == std::string::npos;
}

// The sections that have the key. Sections inside the object with the wrong key come first, then those around
// it; both exclude all others, because they are most likely meant. Otherwise only main parts are searched,
// and only for keys in a main part: in a small object the same word mostly has another meaning.
Sections sections_with(const Sections& all, std::string_view key, std::string_view object) {
  Sections here, inside, around, anywhere;
  for (const ReferenceSection& one : all) {
    if (one.object->name() == object) here.push_back(one);
  }
  for (const ReferenceSection& one : all) {
    if (!has_key(one, key)) continue;
    if (is_main(one) && std::any_of(here.begin(), here.end(), is_main)) anywhere.push_back(one);
    const auto is_in = [&](const ReferenceSection& other) { return is_inside(one.title, other.title); };
    const auto is_around = [&](const ReferenceSection& other) { return is_inside(other.title, one.title); };
    if (std::any_of(here.begin(), here.end(), is_in)) inside.push_back(one);
    if (std::any_of(here.begin(), here.end(), is_around)) around.push_back(one);
  }
  return !inside.empty() ? inside : !around.empty() ? around : anywhere;
}

}  // namespace

std::string place_of_key(const Reference& reference, std::string_view key, std::string_view object) {
  Sections all = reference.sections;
  for (const ReferenceSection& policy : reference.policies) {
    if (policy.title == key)
      return "; it is a policy, and stands in a list `policies`, as `- " + policy.title + ": ...`";
    all.push_back({std::string(kOfPolicy) + policy.title, policy.object});
  }
  const Sections places = sections_with(all, key, object);
  if (places.empty() || places.size() > kMaxPlaces) return "";
  std::string out = "; it belongs to ";
  for (size_t i = 0; i < places.size(); ++i)
    out += (i == 0 ? "" : i + 1 == places.size() ? " or " : ", ") + place_in_words(places[i].title);
  return out;
}

}  // namespace portcullis::config

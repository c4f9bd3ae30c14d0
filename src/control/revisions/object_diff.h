#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

#include "control/revisions/live_objects.h"

namespace portcullis::control {

// How one object differs from another: `[{pointer, before, after}]`, without secrets. A value that is not
// there has no member `before` or `after`. Lists are compared element by element.
nlohmann::json changes_between(const config::Object& before, const config::Object& after);

// `{kind, name, change, changes}` for an object that was added, changed or removed: one of the pointers may
// be null.
nlohmann::json describe_difference(const config::Object* before, const config::Object* after);

// The same as a unified diff of their YAML.
std::string text_of_difference(const config::Object* before, const config::Object* after);

// An object as JSON for those who read it, without secrets.
nlohmann::json shown(const config::Object& object);

}  // namespace portcullis::control

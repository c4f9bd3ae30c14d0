#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

#include "config/object.h"

namespace portcullis::control {

// The unified diff that the file of `before` needs so that it has `value` in the object's place; a null value
// removes the object. Secrets of `value` are hidden already.
std::string file_diff(const config::Object& before, const nlohmann::json& value);

}  // namespace portcullis::control

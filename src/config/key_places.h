#pragma once

#include <string>
#include <string_view>

#include "config/reference.h"

namespace portcullis::config {

// Where `key` belongs, when it was found in an object (named as in the schema, such as "route") that has no
// such key: "; it belongs to `upstreams[].timeouts`". Empty when no object has the key, or too many do.
std::string place_of_key(const Reference& reference, std::string_view key, std::string_view object);

}  // namespace portcullis::config

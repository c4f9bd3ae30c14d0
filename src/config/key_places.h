#pragma once

#include <string>
#include <string_view>

#include "config/reference.h"

namespace portcullis::config {

// Where `key` belongs that stands in an object, named as in the schema ("route"), that does not have it: ";
// it belongs to `upstreams[].timeouts`". Empty when it belongs nowhere, or to more places than help.
std::string place_of_key(const Reference& reference, std::string_view key, std::string_view object);

}  // namespace portcullis::config

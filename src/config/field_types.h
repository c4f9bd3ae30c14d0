#pragma once

#include "config/schema.h"

namespace portcullis::config {

// Kinds of text that several parts of the configuration share: std::string, checked.
TypePointer name_type();
TypePointer address_range_type();  // "10.0.0.0/8", "::1"

}  // namespace portcullis::config

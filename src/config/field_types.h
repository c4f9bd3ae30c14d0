#pragma once

#include "config/schema.h"

namespace portcullis::config {

// Kinds of text that several parts of the configuration share: std::string, checked.
TypePointer name_type();
TypePointer address_range_type();  // "10.0.0.0/8", "::1"
TypePointer field_name_type();     // of a header
TypePointer url_type();            // http or https

// What is wrong with one, or "".
std::string check_field_name(const std::string& name);
std::string check_url(const std::string& text);

}  // namespace portcullis::config

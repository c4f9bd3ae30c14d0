#pragma once

#include "config/schema.h"

namespace portcullis::config {

// Kinds of text that several parts of the configuration share: std::string, checked.
TypePointer name_type();
TypePointer address_type();        // "127.0.0.1:80", "[::1]:80", "unix:/path"
TypePointer key_hash_type();       // "sha256:", and 64 hexadecimal digits
TypePointer address_range_type();  // "10.0.0.0/8", "::1"
TypePointer field_name_type();     // of a header
TypePointer url_type();            // http or https

// What is wrong with one, or "".
std::string check_field_name(const std::string& name);
std::string check_url(const std::string& text);

}  // namespace portcullis::config

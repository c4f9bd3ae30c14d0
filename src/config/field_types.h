#pragma once

#include <optional>

#include "config/schema.h"

namespace portcullis::config {

// Kinds of text that several parts of the configuration share: std::string, checked.
Type<std::string> name_type();
Type<std::string> address_type();        // "127.0.0.1:80", "[::1]:80", "unix:/path"
Type<std::string> key_hash_type();       // "sha256:", and 64 hexadecimal digits
Type<std::string> address_range_type();  // "10.0.0.0/8", "::1"
Type<std::string> field_name_type();     // of a header
Type<std::string> url_type();            // http or https
Type<std::string> socket_mode_type();    // permissions of a Unix socket's file, in octal: "0660"

// What is wrong with one, or "".
std::string check_field_name(const std::string& name);
std::string check_url(const std::string& text);

// What `socket_mode_type()` has taken, as a number; nothing for an empty text.
std::optional<uint32_t> mode_of(const std::string& text);
// Reports at `location` a `mode` or a `group` that an address without a file has.
void check_socket_file(const std::string& address, const std::string& mode, const std::string& group,
                       const Location& location, Diagnostics& diagnostics);

}  // namespace portcullis::config

#pragma once

#include <optional>

#include "config/schema.h"

namespace portcullis::config {

// Kinds of text that several parts of the configuration use: std::string, checked.
Type<std::string> name_type();
Type<std::string> address_type();        // "127.0.0.1:80", "[::1]:80", "unix:/path"
Type<std::string> key_hash_type();       // "sha256:" and 64 hexadecimal digits
Type<std::string> address_range_type();  // "10.0.0.0/8", "::1"
Type<std::string> host_type();           // "api.example.com", "*.example.com", read in the canonical form
Type<std::string> field_name_type();     // the name of a header field
Type<std::string> media_type();          // "text/html; charset=utf-8"
Type<std::string> url_type();            // http or https
Type<std::string> socket_mode_type();    // permissions of a Unix socket's file in octal, such as "0660"

// What is wrong with the name of a header field, or "".
std::string check_field_name(const std::string& name);
std::string check_url(const std::string& text);

// The number for a text that `socket_mode_type()` has accepted; nothing for an empty text.
std::optional<uint32_t> mode_of(const std::string& text);
// Reports a `mode` or `group` at `location` when `address` is not a Unix socket.
void check_socket_file(const std::string& address, const std::string& mode, const std::string& group,
                       const Location& location, Diagnostics& diagnostics);

}  // namespace portcullis::config

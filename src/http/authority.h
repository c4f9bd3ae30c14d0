#pragma once

#include <string>
#include <string_view>

#include "base/arena.h"

// The authority of a request's target: a host and perhaps a port (RFC 9110 section 7.2).
namespace portcullis::http {

// uri-host [":" port], possibly empty: no user, no path, no list, no percent-encoding, no empty label but for
// one dot at the end, and within brackets an IPv6 address.
bool is_valid_authority(std::string_view text);

// The host of `authority`, without its port.
std::string_view host_of(std::string_view authority);

// The port of `authority` as written; empty where it has none or where it is the default of `scheme`, "http"
// or "https".
std::string_view port_of(std::string_view authority, std::string_view scheme);

// The host in lower case and without a dot at its end, which makes it no other name (RFC 3986 section 3.2.2);
// an IPv6 address in the form of RFC 5952, so that `[0:0::1]` is `[::1]`. In `arena`, unless it is written so
// already.
std::string_view canonical_host(std::string_view host, Arena& arena);
// The same for the configuration, where a host may also be `*.example.com`.
std::string canonical_host(const std::string& host);

// True when both name the same resource: hosts are compared in their canonical form, and a default port is
// the same as none.
bool same_authority(std::string_view a, std::string_view b, std::string_view scheme);

}  // namespace portcullis::http

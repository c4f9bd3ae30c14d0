#pragma once

#include <string>
#include <string_view>

#include "base/arena.h"

// The authority of a request target: a host and an optional port (RFC 9110 section 7.2).
namespace portcullis::http {

// True for uri-host [":" port], possibly empty. Refused are user information, paths, lists, percent-encoding,
// empty labels (except one dot at the end), and brackets around anything but an IPv6 address.
bool is_valid_authority(std::string_view text);

// The host of `authority`, without its port.
std::string_view host_of(std::string_view authority);

// The port of `authority` as written. Empty when there is no port, or the port is the default of `scheme`
// ("http" or "https").
std::string_view port_of(std::string_view authority, std::string_view scheme);

// The host in lower case and without a dot at its end, which denotes the same name (RFC 3986 section 3.2.2).
// An IPv6 address is written in the form of RFC 5952, so `[0:0::1]` becomes `[::1]`. The result is in
// `arena`, or is `host` itself when it is already canonical.
std::string_view canonical_host(std::string_view host, Arena& arena);
// The same canonical form for hosts in the configuration, which may also be `*.example.com`.
std::string canonical_host(const std::string& host);

// True when both authorities name the same resource: hosts are compared in their canonical form, and a
// default port equals a missing port.
bool same_authority(std::string_view a, std::string_view b, std::string_view scheme);

}  // namespace portcullis::http

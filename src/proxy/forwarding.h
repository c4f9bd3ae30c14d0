#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "http/field_names.h"
#include "http/forwarded_form.h"
#include "http/head_writer.h"
#include "http/message.h"
#include "runtime/ip_range.h"

namespace portcullis::proxy {

using http::ForwardedForm;

struct ForwardingRules {
  std::vector<IpRange> trusted_proxies;
  ForwardedForm form = ForwardedForm::kXForwarded;
  std::string via = "portcullis";        // this gateway's name in Via; empty: the route's pseudonym alone
  http::FieldNames drop_from_untrusted;  // fields that say who the client is, or what it asked for, by custom
};

// Where a request comes from, as far as trusted proxies vouch for it.
struct Origin {
  std::string_view client;  // address without port, in its canonical form
  std::string_view scheme;  // "http", "https"
  std::string_view host;    // as the client asked, with port
  bool through_trusted_proxy = false;
};

// The client is the last address, from the right, that no trusted proxy has. Claims of others are ignored:
// then it came to us by `own_scheme`.
Origin find_origin(const ForwardingRules& rules, const http::RequestHead& request, std::string_view peer,
                   std::string_view own_scheme, Arena& arena);

// A word by which a route of this process knows its own entries in Via: it is the same until the process
// ends, and no other process or route writes it.
std::string pseudonym_of(std::string_view route);
// True when the request has passed the route of that pseudonym before (RFC 9110 section 7.6.3).
bool came_through(std::string_view pseudonym, const http::Fields& fields);

// Removes what a client must not say by itself, so that neither policies nor the target read it: the fields
// that the gateway writes (`x-consumer-*`, `client-cert`), fields that differ from one of these or from a
// forwarding field by '_', the forwarding fields that `rules` do not read, and, unless a trusted proxy sent
// the request, all forwarding fields, `x-mirrored` and those of `rules.drop_from_untrusted`.
void remove_forged_fields(const ForwardingRules& rules, const Origin& origin, http::Fields& fields);

// Writes the forwarding fields of a request that came from `peer`, and Via with the pseudonym of its route.
void write_forwarding(http::HeadWriter& out, const ForwardingRules& rules, const http::RequestHead& request,
                      std::string_view peer, const Origin& origin, std::string_view pseudonym);

// Trailers are passed on, so their announcement is too (RFC 9110 section 10.1.4).
bool takes_trailers(const http::Fields& fields);
// True for the fields that write_forwarding() writes or leaves out on purpose.
bool is_forwarding_field(http::FieldId id);

}  // namespace portcullis::proxy

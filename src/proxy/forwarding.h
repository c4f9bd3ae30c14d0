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
  std::string via = "portcullis";  // the gateway's name in Via; empty: only the route's pseudonym is written
  // Fields that by custom tell the client's address, or the request as the client has sent it.
  http::FieldNames drop_from_untrusted;
};

// The origin of a request, according to the gateway and to trusted proxies.
struct Origin {
  std::string_view client;  // the client's address without the port, in canonical form
  std::string_view scheme;  // "http" or "https"
  std::string_view host;    // the host that the client asked for, with the port
  bool through_trusted_proxy = false;
};

// The client is the peer, or, when the peer is a trusted proxy, the rightmost address in the forwarding
// fields that no trusted proxy has. Forwarding fields of an untrusted peer are ignored; the scheme is then
// `own_scheme`.
Origin find_origin(const ForwardingRules& rules, const http::RequestHead& request, std::string_view peer,
                   std::string_view own_scheme, Arena& arena);

// A word by which a route of this process recognises its own entries in Via. The word stays the same until
// the process ends, and no other process or route writes it.
std::string pseudonym_of(std::string_view route);
// True when the request has passed the route with this pseudonym before (RFC 9110 section 7.6.3).
bool came_through(std::string_view pseudonym, const http::Fields& fields);

// Removes the fields that a client must not set, so that neither policies nor the target read them: the
// fields that the gateway writes (`x-consumer-*`, `client-cert`), fields that differ from one of these or
// from a forwarding field by '_', the forwarding fields that `rules` do not read, and, unless a trusted proxy
// sent the request, all forwarding fields, `x-mirrored` and the fields of `rules.drop_from_untrusted`.
void remove_forged_fields(const ForwardingRules& rules, const Origin& origin, http::Fields& fields);

// Writes the forwarding fields of a request that came from `peer`, and Via with the pseudonym of its route.
void write_forwarding(http::HeadWriter& out, const ForwardingRules& rules, const http::RequestHead& request,
                      std::string_view peer, const Origin& origin, std::string_view pseudonym);

// True when the fields announce that the sender accepts trailers (RFC 9110 section 10.1.4). The gateway
// passes the announcement on, because it passes trailers on.
bool takes_trailers(const http::Fields& fields);
// True for the fields that write_forwarding() writes or leaves out on purpose.
bool is_forwarding_field(http::FieldId id);

}  // namespace portcullis::proxy

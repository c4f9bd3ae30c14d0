#pragma once

#include <cstddef>

#include "http/message.h"

namespace portcullis::http {

// The max number of options in all Connection fields of a message; the parsers refuse more.
constexpr size_t kMaxConnectionOptions = 64;

// True for a field that belongs to one connection and is not forwarded (RFC 9110 section 7.6.1). Host and the
// framing fields are written separately by the code that writes the head.
bool is_hop_by_hop(FieldId id);

// Removes the fields that the message's Connection fields name. Call this when the message has been received,
// before the gateway adds fields: the list refers to what the peer has sent. Host, the framing fields and the
// fields about earlier hops stay even if they are listed, since without them the message would be read
// differently.
void remove_connection_options(Fields& fields);

}  // namespace portcullis::http

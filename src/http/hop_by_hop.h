#pragma once

#include <cstddef>

#include "http/message.h"

namespace portcullis::http {

// The most options that the Connection fields of one message may have together; the parsers refuse more.
constexpr size_t kMaxConnectionOptions = 64;

// True for a field that belongs to one connection and is not passed on (RFC 9110 section 7.6.1). The writer
// of a head writes Host and the framing itself.
bool is_hop_by_hop(FieldId id);

// Removes the fields that the message's Connection fields name. To be called when the message is received,
// before anything else adds to it: the list speaks of what this peer has sent. Host, the framing and the
// fields that tell of earlier hops stay, whatever the list says: without them the message would be read in
// another way.
void remove_connection_options(Fields& fields);

}  // namespace portcullis::http

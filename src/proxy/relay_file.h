#pragma once

#include "proxy/relay.h"

namespace portcullis::proxy {

// Whether the body goes out as it lies in a file of the cache, and nothing has to look at it.
bool may_come_from_file(const BodySource& source, const BodySink& sink);

// What of it is next and the system can hand to the socket itself: it does not pass through here. Ends with
// kComplete where there is no more of that, which may be at once: then the rest is to be read.
Task<RelayResult> send_from_file(BodySource& source, BodySink sink);

}  // namespace portcullis::proxy

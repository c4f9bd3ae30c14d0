#pragma once

#include "http/input_buffer.h"
#include "runtime/stream.h"
#include "runtime/task.h"

namespace portcullis::http {

// Ends a connection after its last response: sends the end of the stream, and then reads and drops what the
// peer still sends, until the peer ends its side too, is silent for a second, or `max` has passed.
//
// Closing a socket with unread data would make the kernel reset the connection, and a reset could destroy the
// response on its way (RFC 9112 section 9.6). A client that sends a large body may look for a response only
// when all of the body has been sent, so time is the bound, as with nginx.
//
// `input` provides the memory; its content is dropped. The caller closes the stream afterwards.
Task<void> linger(Stream& stream, InputBuffer& input, Milliseconds max);

}  // namespace portcullis::http

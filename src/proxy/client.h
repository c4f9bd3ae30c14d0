#pragma once

#include "http/h2/channel.h"
#include "proxy/relay.h"
#include "runtime/stream.h"

namespace portcullis::proxy {

class ClientConnection;

// Whom an exchange answers: a connection, and what of it is the exchange's own. In HTTP/1 that is all of it,
// in HTTP/2 a stream with its channel.
struct Client {
  ClientConnection& connection;
  Stream& stream;
  InputBuffer& input;
  http::h2::Channel* channel = nullptr;  // HTTP/2 only
};

}  // namespace portcullis::proxy

#pragma once

#include "http/message_stream.h"

namespace portcullis::proxy {

class ClientConnection;

// The client of an exchange: the connection on which the request arrived, and the stream of the request.
struct Client {
  ClientConnection& connection;
  http::ServerStream& message;
};

}  // namespace portcullis::proxy

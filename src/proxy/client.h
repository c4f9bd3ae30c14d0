#pragma once

#include "http/message_stream.h"

namespace portcullis::proxy {

class ClientConnection;

// Whom an exchange answers: the connection that its request came by, and the stream of the request itself.
struct Client {
  ClientConnection& connection;
  http::ServerStream& message;
};

}  // namespace portcullis::proxy

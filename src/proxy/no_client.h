#pragma once

#include "http/h1/server_stream.h"
#include "proxy/absent_client.h"
#include "proxy/client.h"
#include "proxy/client_connection.h"

namespace portcullis::proxy {

// Stands for the client of an exchange for which no client waits: everything that is sent to it is dropped,
// and there is nothing to read. It has the facts of the connection `like`.
struct NoClient {
  NoClient(ClientConnection& like, bool delays_drain)
      : connection(like.worker(), like.listener(), make_absent_client(), facts_of(like, delays_drain)),
        message(connection.stream, connection.input, connection.message_settings()) {}

  static ClientFacts facts_of(const ClientConnection& like, bool delays_drain) {
    ClientFacts facts = like.facts();
    facts.delays_drain = delays_drain;
    return facts;
  }
  Client client() { return {connection, message}; }

  ClientConnection connection;
  http::h1::ServerMessageStream message;
};

}  // namespace portcullis::proxy

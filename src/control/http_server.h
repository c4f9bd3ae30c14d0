#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "control/http_connection.h"
#include "runtime/acceptor.h"

namespace portcullis::control {

// An HTTP/1.1 server for uses outside the data path: the admin listener and the demo backend. It receives a
// whole request, awaits the handler, and sends the answer. Runs on one loop's thread; its connections end
// when the server is destroyed.
//
// When the limit of connections is reached, a new connection replaces the one that has waited longest for its
// client, so that slow clients cannot block others. A connection does not wait for its client while the
// handler has its request, and while it sends an answer that has a stream. When no connection waits for its
// client, a new connection is closed.
class HttpServer {
 public:
  // Awaited for each request. The request lives until the answer has been made.
  using Handler = HttpService::Handler;
  // Awaited before a connection's first request, for example for a handshake; when it returns false, the
  // connection is closed.
  using Greeting = HttpService::Greeting;

  // Takes ownership of an open listening socket. `greeting` and `hooks` may be empty.
  HttpServer(EventLoop& loop, UniqueFd socket, const HttpLimits& limits, Handler handler,
             Greeting greeting = {}, HttpHooks hooks = {});

  // The listening socket; -1 after stop_accepting().
  int fd() const { return acceptor_ ? acceptor_->fd() : -1; }
  // Closes the listening socket. Each connection ends after its next answer, and an idle connection after a
  // second.
  void stop_accepting();
  // Stops accepting, closes idle connections, and runs the loop until the other connections have ended, or
  // `max` has passed.
  void finish(Milliseconds max);

 private:
  void accept(UniqueFd fd, const SocketAddress& peer);
  Task<void> serve(UniqueFd fd, std::string peer);

  HttpService service_;
  size_t open_ = 0;
  TaskGroup tasks_;
  std::optional<Acceptor> acceptor_;  // empty after stop_accepting()
};

}  // namespace portcullis::control

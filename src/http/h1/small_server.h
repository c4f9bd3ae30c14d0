#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/intrusive_list.h"
#include "http/message.h"
#include "runtime/acceptor.h"
#include "runtime/stream.h"
#include "runtime/task.h"

namespace portcullis::http::h1 {

struct SmallRequest {
  const RequestHead& head;
  std::string_view body;    // the first Limits::kept_body bytes of the body
  uint64_t body_bytes;      // length of the whole body
  const std::string& peer;  // the client's address
};

struct SmallAnswer {
  uint16_t status = 200;
  std::string content_type = "text/plain";
  std::string body{};
  std::string fields{};  // further field lines, each with its CRLF
  // Instead of `body`: writes a body of unknown length, which ends when the connection is closed.
  std::function<Task<void>(Stream&)> stream{};
};

// An HTTP/1.1 server for uses outside the data path: the admin listener and the demo backend. It reads a
// whole request, awaits the handler, and sends the answer. A connection that does not send a whole head in
// time is closed. When the limit of connections is reached, a new connection replaces the one that has waited
// longest for a whole head, so that slow clients cannot block others. Runs on one loop's thread; its
// connections end when the server is destroyed.
class SmallServer {
 public:
  using Handler = std::function<Task<SmallAnswer>(const SmallRequest&)>;
  // Runs before a connection's first request, for example a handshake; when it returns false the connection
  // is closed.
  using Greeting = std::function<Task<bool>(Stream&)>;
  struct Limits {
    // Max; while all of them are handling a request, further connections are closed.
    size_t connections = 256;
    size_t kept_body = 64 * 1024;  // max bytes of a body that the handler receives; the rest is only counted
  };

  // Takes ownership of an open listening socket.
  SmallServer(EventLoop& loop, UniqueFd socket, Limits limits, Handler handler, Greeting greeting = {});

  // The listening socket; -1 after stop_accepting().
  int fd() const { return acceptor_ ? acceptor_->fd() : -1; }
  // Closes the listening socket; each connection ends after its next answer.
  void stop_accepting() { acceptor_.reset(); }

 private:
  struct Connection;
  void accept(UniqueFd fd);
  Task<void> serve(UniqueFd fd);
  Task<void> serve(Connection& connection, const std::string& peer);

  EventLoop& loop_;
  Limits limits_;
  Handler handler_;
  Greeting greeting_;  // may be empty
  size_t open_ = 0;
  IntrusiveList<Connection> waiting_;  // connections without a whole head; the first has waited longest
  TaskGroup tasks_;
  std::optional<Acceptor> acceptor_;  // empty after stop_accepting()
};

}  // namespace portcullis::http::h1

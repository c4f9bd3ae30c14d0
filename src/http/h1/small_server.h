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
  std::string_view body;    // its beginning, as much as the server keeps
  uint64_t body_bytes;      // of the whole body
  const std::string& peer;  // the client's address
};

struct SmallAnswer {
  uint16_t status = 200;
  std::string content_type = "text/plain";
  std::string body{};
  std::string fields{};  // further field lines, each with its CRLF
  // Instead of a body: writes one of no known length, whose end is the connection's.
  std::function<Task<void>(Stream&)> stream{};
};

// An HTTP/1.1 server for what is not the data path: the admin listener and the demo backend. It reads a
// request whole, awaits the handler, and answers. A connection that sends no whole head in time is closed;
// when there are as many as may be, the next one takes the place of the one that has been without a whole
// head for longest, so that slow clients keep no others out. Runs on one loop's thread; connections end with
// the server.
class SmallServer {
 public:
  using Handler = std::function<Task<SmallAnswer>(const SmallRequest&)>;
  // What comes before a connection's first request, such as a handshake; false: nothing comes after it.
  using Greeting = std::function<Task<bool>(Stream&)>;
  struct Limits {
    size_t connections = 256;      // while all of them have a request in hand, further ones are closed
    size_t kept_body = 64 * 1024;  // what of a body the handler sees; the rest is only counted
  };

  // Takes over an open listening socket.
  SmallServer(EventLoop& loop, UniqueFd socket, Limits limits, Handler handler, Greeting greeting = {});

  // -1 when it accepts no more.
  int fd() const { return acceptor_ ? acceptor_->fd() : -1; }
  // Closes the listening socket; connections end after their next answer.
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
  IntrusiveList<Connection> waiting_;  // for a whole head; the first has waited longest
  TaskGroup tasks_;
  std::optional<Acceptor> acceptor_;  // none: it accepts no more
};

}  // namespace portcullis::http::h1

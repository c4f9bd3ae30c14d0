#pragma once

#include <functional>
#include <string_view>

#include "http/message_body.h"
#include "proxy/half_close.h"
#include "runtime/stream.h"

namespace portcullis::proxy {

// Detects that the client has left while its exchange waits for something else and does not read from the
// client: for the head of a target's response, for the next piece of a response body, or for a stored body
// that is still being fetched. On the worker's thread; a part of its exchange.
//
// An HTTP/2 client leaves by resetting its stream, or by ending its connection. An HTTP/1 client leaves by a
// reset of the connection or, depending on HalfClose, by ending its side of the connection. A client that has
// sent further requests before that end has not left, because it waits for their responses.
class ClientWatch final : private Watcher {
 public:
  // The function that ends the wait. It must not resume a coroutine, because it runs within an event of the
  // client's connection.
  using GiveUp = std::function<void()>;

  ClientWatch(http::ServerStream& client, HalfClose half_close) : client_(client), half_close_(half_close) {}
  ClientWatch(const ClientWatch&) = delete;
  ClientWatch& operator=(const ClientWatch&) = delete;
  ~ClientWatch() { end(); }

  // Calls `give_up` once, when the client leaves; at once when the client has left already. Replaces the
  // arguments of an earlier begin(). `request`, which may be null, is the request's body. `behind` has the
  // bytes that were received behind a request that has been read whole. Both must live until end().
  void begin(GiveUp give_up, const http::MessageBody* request, std::string_view behind);
  // Ends the watch: `give_up` is not called any more.
  void end();
  // Checks whether the client has left. Call this when the client's end may have arrived together with the
  // bytes that were read last.
  void look_again();
  // Makes sure that the client's events arrive. This takes one system call in the life of a connection. Call
  // this before a wait that may take long.
  void arrange();

  // True when the client has left during a watch.
  bool gone() const { return gone_; }

  // Ends the watch at the end of a scope.
  class Scope {
   public:
    explicit Scope(ClientWatch& watch) : watch_(watch) {}
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() { watch_.end(); }

   private:
    ClientWatch& watch_;
  };

 private:
  void on_events(uint32_t) override { look(); }
  void look();
  bool has_left();

  http::ServerStream& client_;
  HalfClose half_close_;
  bool gone_ = false;
  GiveUp give_up_;  // empty when there is no watch
  const http::MessageBody* request_ = nullptr;
  std::string_view behind_;
};

}  // namespace portcullis::proxy

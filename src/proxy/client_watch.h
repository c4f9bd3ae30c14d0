#pragma once

#include <functional>
#include <string_view>

#include "http/message_body.h"
#include "proxy/half_close.h"
#include "runtime/stream.h"

namespace portcullis::proxy {

// Notices that an exchange's client has left while the exchange waits for something else: a target's head,
// the next piece of a response body, or a stored body that is still being fetched. The exchange
// does not read from the client then. On the worker's thread; a part of its exchange.
//
// A client of HTTP/2 leaves by resetting its stream, or with its connection. One of HTTP/1 leaves by a reset,
// or by the end of its side, as HalfClose says; but an end behind further requests is none, for their client
// waits for answers.
class ClientWatch final : private Watcher {
 public:
  // What ends the wait. It must not resume a coroutine: it runs within an event of the client's connection.
  using GiveUp = std::function<void()>;

  ClientWatch(Stream& client, HalfClose half_close) : client_(client), half_close_(half_close) {}
  ClientWatch(const ClientWatch&) = delete;
  ClientWatch& operator=(const ClientWatch&) = delete;
  ~ClientWatch() { end(); }

  // From now on `give_up` is called, once, when the client leaves: at once when it has left already. In place
  // of what begin() was told before. `request`, which may be null, is the request's body, and `behind` what
  // was received behind a request that has been read whole; both live until end().
  void begin(GiveUp give_up, const http::MessageBody* request, std::string_view behind);
  // Nothing is given up any more.
  void end();
  // To be called when what was read from the client last may have come with the client's end.
  void look_again();
  // Makes sure that the client's events arrive, which takes a system call once in a connection's life: to be
  // called before waiting for what may take long.
  void arrange();

  // The client has left while this watched.
  bool gone() const { return gone_; }

  // Ends the watch with its scope.
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

  Stream& client_;
  HalfClose half_close_;
  bool gone_ = false;
  GiveUp give_up_;  // empty: it does not watch
  const http::MessageBody* request_ = nullptr;
  std::string_view behind_;
};

}  // namespace portcullis::proxy

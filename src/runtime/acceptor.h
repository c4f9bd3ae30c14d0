#pragma once

#include <functional>

#include "runtime/address.h"
#include "runtime/event_loop.h"
#include "runtime/tcp_keepalive.h"

namespace portcullis {

// Which other sockets may listen at the same address.
enum class Sharing {
  kNone,         // none: opening fails when a socket listens there already, and the error names its process
  kSameProcess,  // other sockets of this process, by SO_REUSEPORT; each has its own queue of connections
};

// Opens a listening socket. After a socket was opened with Sharing::kNone, sockets of the same user can share
// its address with Sharing::kSameProcess. A Unix socket's file on which no process listens any more is
// replaced. Accepted connections have the `keepalive` options from the start. Any thread.
Result<UniqueFd> open_listening_socket(const SocketAddress& address, int backlog,
                                       Sharing sharing = Sharing::kNone, const TcpKeepalive& keepalive = {});

// Checks whether a listening socket could be opened at `address`; the error says what prevents it. No
// connections are accepted by this check. Any thread.
Status check_address_is_free(const SocketAddress& address);

// True when a process listens at the path of this Unix socket; false when the file is stale or missing. Any
// thread.
bool is_unix_socket_alive(const SocketAddress& address);

// Accepts connections on one loop. When accept() fails, the failure is counted and logged (Fault::kAccept),
// and the acceptor tries again after a short pause.
class Acceptor final : private Watcher {
 public:
  // Receives each connection; runs on the loop's thread.
  using OnConnection = std::function<void(UniqueFd, const SocketAddress& peer)>;

  Acceptor(EventLoop& loop, UniqueFd socket, OnConnection on_connection);
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;
  ~Acceptor();

  // While held, the acceptor accepts nothing; connections wait in the kernel's queue.
  void hold(bool held);
  // Accepts the connections that wait in the kernel's queue. Call this before the socket is closed, because
  // closing resets connections that were not accepted.
  void accept_waiting();

  int fd() const { return socket_.get(); }

 private:
  class Resume final : public Timer {
   public:
    explicit Resume(Acceptor& acceptor) : acceptor_(acceptor) {}
    void fire() override;

   private:
    Acceptor& acceptor_;
  };

  void on_events(uint32_t events) override;
  UniqueFd accept_one(SocketAddress& peer);
  void pause();

  static constexpr int kMaxPerEvent = 64;
  // More connections than a backlog holds: an upper bound, so that new connections do not keep
  // accept_waiting() running.
  static constexpr int kMaxWaiting = 1 << 16;
  static constexpr Milliseconds kPause{100};

  EventLoop& loop_;
  UniqueFd socket_;
  OnConnection on_connection_;
  Resume resume_{*this};
  int budget_ = 1;
  bool held_ = false;
};

}  // namespace portcullis

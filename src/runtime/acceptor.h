#pragma once

#include <functional>

#include "runtime/address.h"
#include "runtime/event_loop.h"
#include "runtime/tcp_keepalive.h"

namespace portcullis {

// With whom a listening socket may share its address.
enum class Sharing {
  kNone,         // with none that listens there already: opening it fails then, and the error says who does
  kSameProcess,  // with others of this process, by SO_REUSEPORT: each has a queue of its own
};

// Opens a listening socket. One that is opened with Sharing::kNone lets later ones of the same user share its
// address with Sharing::kSameProcess. The file of a Unix socket on which no process listens any more is
// replaced. Connections have `keepalive` from the first one on. Any thread.
Result<UniqueFd> open_listening_socket(const SocketAddress& address, int backlog,
                                       Sharing sharing = Sharing::kNone, const TcpKeepalive& keepalive = {});

// Whether a listening socket could be opened there now: an error says what is in the way. It accepts nothing
// meanwhile.
Status check_address_is_free(const SocketAddress& address);

// True when a process listens at the path of this Unix socket; false when its file is left over, or there is
// none.
bool is_unix_socket_alive(const SocketAddress& address);

// Accepts connections on one loop. Does not own the descriptor's address, only the descriptor. When accepting
// fails, that is told and counted (Fault::kAccept); it pauses briefly and goes on by itself.
class Acceptor final : private Watcher {
 public:
  // Receives each connection; runs on the loop's thread.
  using OnConnection = std::function<void(UniqueFd, const SocketAddress& peer)>;

  Acceptor(EventLoop& loop, UniqueFd socket, OnConnection on_connection);
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;
  ~Acceptor();

  // While it is held nothing is accepted: connections wait in the kernel's queue.
  void hold(bool held);
  // Accepts those who wait in the kernel's queue, whom it would reset when the socket is closed, as is to
  // happen next.
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
  // More than a queue has: who comes while it is emptied does not keep it going.
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

#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/address.h"
#include "runtime/event_loop.h"

struct ares_channeldata;

namespace portcullis {

// Resolves host names through c-ares (the hosts file, then DNS) on one loop, without blocking it.
class Resolver {
 public:
  struct Answer {
    std::vector<SocketAddress> addresses;  // sorted; port 0
    std::chrono::seconds ttl{0};           // the least of all records'
    std::string error;                     // why there are none
  };
  using OnAnswer = std::function<void(Answer)>;

  // `servers`: "address:port"; empty: those of the system.
  static Result<std::unique_ptr<Resolver>> create(EventLoop& loop, const std::vector<std::string>& servers);
  // Questions that are still open are dropped, and nobody is told.
  ~Resolver();

  // Asks for the IPv4 and IPv6 addresses of `name`. `on_answer` runs on the loop's thread, once, perhaps
  // before this returns.
  void resolve(const std::string& name, OnAnswer on_answer);

 private:
  class Socket;
  class Timeout final : public Timer {
   public:
    explicit Timeout(Resolver& resolver) : resolver_(resolver) {}
    void fire() override { resolver_.process(kNone, kNone); }

   private:
    Resolver& resolver_;
  };

  explicit Resolver(EventLoop& loop);
  void watch(int fd, bool readable, bool writable);
  void process(int readable_fd, int writable_fd);
  void arm_timeout();

  static constexpr int kNone = -1;

  EventLoop& loop_;
  ares_channeldata* channel_ = nullptr;
  bool closing_ = false;
  std::map<int, std::unique_ptr<Socket>> sockets_;
  Timeout timeout_{*this};
};

}  // namespace portcullis

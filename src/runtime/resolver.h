#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/address.h"
#include "runtime/event_loop.h"

struct ares_channeldata;

namespace portcullis {

// Resolves host names through c-ares (the hosts file, then DNS) on one loop, without blocking it.
class Resolver {
 public:
  enum class Family : uint8_t { kIpv4, kIpv6 };
  struct Answer {
    std::vector<SocketAddress> addresses;  // sorted; port 0
    std::chrono::seconds ttl{0};           // the least of all records'
    std::string error;                     // why there are none
    bool denied = false;                   // because a name server says that there are none
  };
  using OnAnswer = std::function<void(Answer)>;
  // What one SRV record says (RFC 2782).
  struct ServiceRecord {
    std::string host;
    uint16_t port = 0;
    uint16_t priority = 0;
    uint16_t weight = 0;
  };
  struct ServiceAnswer {
    std::vector<ServiceRecord> records;
    std::chrono::seconds ttl{0};  // the least of all records'
    std::string error;            // why there are none
  };
  using OnServiceAnswer = std::function<void(ServiceAnswer)>;

  // `servers`: "address:port"; empty: those of the system.
  static Result<std::unique_ptr<Resolver>> create(EventLoop& loop, const std::vector<std::string>& servers);
  // Questions that are still open are dropped, and nobody is told.
  ~Resolver();

  // What the hosts file has for `name`, in both families; nothing where it does not have that name, and for
  // `localhost` what every system has. It goes before name servers, and is read each time.
  std::optional<Answer> look_in_hosts_file(const std::string& name);
  // Asks name servers for the addresses of `name` in one family. `on_answer` runs on the loop's thread, once,
  // perhaps before this returns.
  void resolve(const std::string& name, Family family, OnAnswer on_answer);
  // The same for the SRV records of `name`.
  void resolve_service(const std::string& name, OnServiceAnswer on_answer);

  // What a message from a name server says of a service.
  static ServiceAnswer read_service(std::span<const unsigned char> message);

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
  ares_channeldata* hosts_file_ = nullptr;  // a channel that asks nothing else
  bool closing_ = false;
  std::map<int, std::unique_ptr<Socket>> sockets_;
  Timeout timeout_{*this};
};

}  // namespace portcullis

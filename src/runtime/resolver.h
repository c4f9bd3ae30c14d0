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

// Resolves host names with c-ares (the hosts file, then DNS) on one loop without blocking the loop.
class Resolver {
 public:
  enum class Family : uint8_t { kIpv4, kIpv6 };
  struct Answer {
    std::vector<SocketAddress> addresses;  // sorted; port 0
    std::chrono::seconds ttl{0};           // the minimum TTL of all records
    std::string error;                     // why there are no addresses
    bool denied = false;                   // true when a name server answered that the name has no addresses
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
    std::chrono::seconds ttl{0};  // the minimum TTL of all records
    std::string error;            // why there are no records
  };
  using OnServiceAnswer = std::function<void(ServiceAnswer)>;

  // `servers` are written "address:port"; when empty, the name servers of the system are used.
  static Result<std::unique_ptr<Resolver>> create(EventLoop& loop, const std::vector<std::string>& servers);
  // Drops open questions without calling their callbacks.
  ~Resolver();

  // The addresses that the hosts file has for `name`, in both families. Empty when the hosts file does not
  // contain `name`; `localhost` always has the loopback addresses. The hosts file takes precedence over name
  // servers and is read on each call.
  std::optional<Answer> look_in_hosts_file(const std::string& name);
  // Asks name servers for the addresses of `name` in one family. `on_answer` runs once on the loop's thread,
  // perhaps before resolve() returns.
  void resolve(const std::string& name, Family family, OnAnswer on_answer);
  // Asks name servers for the SRV records of `name`. `on_answer` runs as for resolve().
  void resolve_service(const std::string& name, OnServiceAnswer on_answer);

  // Parses the SRV records in a name server's message.
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
  ares_channeldata* hosts_file_ = nullptr;  // a channel that reads the hosts file only
  bool closing_ = false;
  std::map<int, std::unique_ptr<Socket>> sockets_;
  Timeout timeout_{*this};
};

}  // namespace portcullis

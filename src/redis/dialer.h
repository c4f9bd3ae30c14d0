#pragma once

#include <memory>
#include <string>

#include "redis/connection.h"
#include "redis/settings.h"
#include "redis/tls_source.h"
#include "runtime/side_pool.h"

namespace portcullis::redis {

// How an attempt to connect has ended.
struct Dialed {
  enum class Outcome : uint8_t {
    kReady,        // the connection may be used
    kUnreachable,  // no server answers there, or not as it should
    kRefused,      // the server has refused the user or the database
  };
  Outcome outcome = Outcome::kReady;
  std::string why{};  // of kUnreachable: for people; of kRefused: the server's error

  static Dialed unreachable(std::string why) { return {Outcome::kUnreachable, std::move(why)}; }
};

// What a server must be.
enum class Role : uint8_t { kAny, kPrimary };

// Opens connections to Redis servers: looks the name up, connects, makes the TLS handshake and logs in. On
// the loop's thread.
class Dialer {
 public:
  // `pool` does the work that blocks (names, files); null when the loop's thread may block.
  Dialer(EventLoop& loop, SidePool* pool, Access access, std::shared_ptr<TlsSource> tls,
         Milliseconds timeout);

  EventLoop& loop() const { return loop_; }
  Milliseconds patience() const { return patience_; }
  // Connects to `address` ("host:port" or "unix:/path"). The server has answered a command when the result is
  // kReady, because the kernel accepts connections for a process that hangs. `connection` must be fresh.
  Task<Dialed> dial(Connection& connection, std::string address, Role role);

 private:
  struct Found {
    std::string address{};
    std::shared_ptr<const tls::ClientContext> tls{};
    std::string fault{};
  };
  Task<Found> prepare(std::string address);
  static Found find(const std::string& address, TlsSource& tls, Milliseconds timeout);
  Task<Status> secure(Stream& stream, const std::string& address, const tls::ClientContext& context);
  Task<Dialed> greet(Connection& connection, Role role);

  static constexpr Milliseconds kMinPatience{1'000};
  static constexpr Milliseconds kMaxPatience{2'000};  // for the lookup of a name

  EventLoop& loop_;
  SidePool* const pool_;
  const Access access_;
  const std::shared_ptr<TlsSource> tls_;
  const Milliseconds patience_;  // for each step of a connect
};

// The first commands on a new connection: the login and the choice of the database.
Request greeting(const Access& access);

}  // namespace portcullis::redis

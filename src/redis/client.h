#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/faults.h"
#include "runtime/event_loop.h"
#include "runtime/side_pool.h"
#include "runtime/task.h"

struct redisAsyncContext;
struct redisReply;

namespace portcullis::redis {

struct Settings {
  std::string address;  // "host:port" or "unix:/path"
  std::string username;
  std::string password;
  uint64_t database = 0;
  Milliseconds timeout{50};  // of a command, and of a connect

  bool operator==(const Settings&) const = default;
};

struct Reply {
  enum class Kind : uint8_t { kUnavailable, kError, kNil, kInteger, kText, kList };
  Kind kind = Kind::kUnavailable;
  int64_t integer = 0;
  std::string text;  // of kText and kError; for kUnavailable: why
  std::vector<Reply> list;
};

// What is known of a server for the operator: one for the clients of all workers.
class ServerReport {
 public:
  explicit ServerReport(const Settings& settings)
      : reachable_(Fault::kRedisUnavailable, "Redis " + settings.address),
        accepts_(Fault::kRedisRefused, "Redis " + settings.address) {}

  void lost(std::string_view why) { reachable_.failed(why); }
  void connected() { reachable_.works(); }
  // An error that the server answered a command with.
  void refused(std::string_view error);
  // The server has done what a request needed.
  void answered() { accepts_.works(); }

 private:
  FaultState reachable_;
  FaultState accepts_;
};

// One worker's connection to a Redis server, through hiredis. Commands of all its exchanges go out together
// and are answered in order. A server that is away costs no request its time: once a connect has failed, or
// commands have timed out in a row, commands fail at once until it has connected again and answered. One
// thread, that of its loop, which outlives it.
class Client {
 public:
  // `pool` looks names up. `report`, which outlives it, is told how the server does.
  Client(EventLoop& loop, SidePool& pool, Settings settings, ServerReport& report);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  const Settings& settings() const { return settings_; }
  EventLoop& loop() const { return loop_; }

  // Runs `script` on the server, by its SHA-1, or whole when the server does not know it (any more). The
  // frame may be destroyed while it waits. Allocates: a round trip costs far more.
  Task<Reply> run_script(std::string_view script, const std::string& sha1, std::vector<std::string> keys,
                         std::vector<std::string> arguments);

 private:
  class Call;
  class Socket;
  enum class State : uint8_t { kIdle, kConnecting, kReady, kDown };
  class Alarm final : public Timer {
   public:
    explicit Alarm(Client& client) : client_(client) {}
    void fire() override;

   private:
    Client& client_;
  };

  void connect();
  Task<void> connect_by_name(std::string host, uint16_t port);
  void open(const std::string& host, uint16_t port);
  void on_connected(bool well);
  void greet();
  void serve();
  Task<void> probe();
  void lose(const char* why);
  void give_up(const char* why);
  void note_timeout();
  static Reply convert(const redisReply* reply);

  static constexpr Milliseconds kFirstRetry{50};
  static constexpr Milliseconds kLastRetry{2'000};
  static constexpr int kMaxTimeouts = 3;  // in a row; then the connection is given up

  EventLoop& loop_;
  SidePool& pool_;
  const Settings settings_;
  ServerReport& report_;
  State state_ = State::kIdle;
  redisAsyncContext* context_ = nullptr;
  std::unique_ptr<Socket> socket_;
  Alarm alarm_{*this};  // kConnecting: gives up; kDown: tries again
  Milliseconds retry_ = kFirstRetry;
  int timeouts_ = 0;
  bool proven_ = true;  // not yet seen not to answer
  std::string down_because_ = "not connected yet";
  std::string refusal_;  // of what came first on this connection
  TaskGroup tasks_;
};

// The commands that must come first on a new connection: who we are, and which database.
std::vector<std::vector<std::string>> greeting(const Settings& settings);

// The SHA-1 by which a server knows a script.
std::string script_sha1(std::string_view script);

}  // namespace portcullis::redis

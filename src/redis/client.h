#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/faults.h"
#include "redis/settings.h"
#include "runtime/event_loop.h"
#include "runtime/side_pool.h"
#include "runtime/task.h"

struct redisAsyncContext;
struct redisReply;

namespace portcullis::redis {

struct Reply {
  enum class Kind : uint8_t { kUnavailable, kError, kNil, kInteger, kText, kList };
  Kind kind = Kind::kUnavailable;
  int64_t integer = 0;
  std::string text;  // the text of kText and kError; the reason of kUnavailable
  std::vector<Reply> list;
};

// The state of a Redis server for the process log; one object for the clients of all workers.
class ServerReport {
 public:
  explicit ServerReport(const Settings& settings)
      : reachable_(Fault::kRedisUnavailable, "Redis " + settings.address),
        accepts_(Fault::kRedisRefused, "Redis " + settings.address) {}

  void lost(std::string_view why) { reachable_.failed(why); }
  void connected() { reachable_.works(); }
  // Records that the server answered a command with an error.
  void refused(std::string_view error);
  // Records that the server has executed a command successfully.
  void answered() { accepts_.works(); }

 private:
  FaultState reachable_;
  FaultState accepts_;
};

// One worker's connection to a Redis server, by hiredis. Commands of all exchanges are pipelined on it. A
// server that is down does not delay requests: after a failed connect, or after several consecutive timeouts,
// commands fail immediately until the client has reconnected and the server has answered. On the thread of
// `loop`, which must outlive the client.
class Client {
 public:
  // `pool` resolves host names. `report` receives the server's state, and must outlive the client.
  Client(EventLoop& loop, SidePool& pool, Settings settings, ServerReport& report);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  const Settings& settings() const { return settings_; }
  EventLoop& loop() const { return loop_; }

  // Runs `script` on the server by its SHA-1, or sends the whole script when the server does not know it. The
  // waiting coroutine may be destroyed. Allocates memory, which costs far less than the round trip.
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
  static constexpr int kMaxTimeouts = 3;  // consecutive timeouts before the connection is closed

  EventLoop& loop_;
  SidePool& pool_;
  const Settings settings_;
  ServerReport& report_;
  State state_ = State::kIdle;
  redisAsyncContext* context_ = nullptr;
  std::unique_ptr<Socket> socket_;
  Alarm alarm_{*this};  // kConnecting: the connect timeout; kDown: the next attempt
  Milliseconds retry_ = kFirstRetry;
  int timeouts_ = 0;
  bool proven_ = true;  // false until the server has answered a probe after a failure
  std::string down_because_ = "not connected yet";
  std::string refusal_;  // error that this connection's first commands returned
  TaskGroup tasks_;
};

// The first commands on a new connection: the login and the choice of the database.
std::vector<std::vector<std::string>> greeting(const Settings& settings);

// The SHA-1 by which Redis identifies a script.
std::string script_sha1(std::string_view script);

}  // namespace portcullis::redis

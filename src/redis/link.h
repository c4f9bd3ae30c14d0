#pragma once

#include <coroutine>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "redis/dialer.h"
#include "redis/shared.h"
#include "runtime/event_loop.h"
#include "runtime/task.h"

namespace portcullis::redis {

// The connection to one server, which is made again whenever it is lost. Commands of all exchanges are
// pipelined on it, and those of one batch of events are sent together. A server that is down does not delay
// requests: after a failed connect, or after several consecutive timeouts, commands fail immediately until
// the server has answered on a new connection. On the loop's thread.
class Link final : private Deferred {
 public:
  // Finds the server's address for each new connection.
  using Finder = std::function<Task<Result<std::string>>()>;
  class Call;

  struct Options {
    Role role = Role::kAny;
    Milliseconds last_retry{2'000};  // the longest time between two attempts to connect
  };

  // `report` (may be null) receives the server's state. All of them must outlive the link.
  Link(Dialer& dialer, std::string address, ServerReport* report, Counts& counts);
  Link(Dialer& dialer, Finder finder, ServerReport* report, Counts& counts, Options options);
  ~Link();

  // co_await: sends the commands and yields the last reply. Fails at once while the server is down. `request`
  // must live until then. The waiting coroutine may be destroyed.
  Call ask(const Request& request, Milliseconds timeout);
  // Makes a new connection, and finds the address again. Commands that wait for a reply fail.
  void reconnect(std::string_view why);

  // Tells the report of an answer that is final.
  void tell(const Reply& reply) const;

  // The server of the present connection, or of the last attempt.
  const std::string& address() const { return address_; }
  bool ready() const { return state_ == State::kReady; }
  // True when no command waits for a reply.
  bool idle() const { return waiting_.empty() && pending_.empty(); }

 private:
  enum class State : uint8_t { kIdle, kConnecting, kReady, kDown };

  Task<void> live();
  Task<std::string> serve();
  Task<Dialed> open(Connection& connection);
  void note(const Dialed& dialed);
  void deliver();
  void fail_all(std::string_view why);
  void run_deferred() override;
  Task<void> write_out();
  void note_timeout();

  static constexpr Milliseconds kFirstRetry{50};
  static constexpr int kMaxTimeouts = 3;  // consecutive timeouts before the connection is closed

  Dialer& dialer_;
  const Finder finder_;  // null when the address is fixed
  const Options options_;
  ServerReport* const report_;
  Counts& counts_;
  std::string address_;
  State state_ = State::kIdle;
  Connection* connection_ = nullptr;   // lives in the frame of live()
  IntrusiveList<Call, Call> waiting_;  // calls that have not been sent
  std::deque<Call*> pending_;          // an entry for each reply to come; null when no call waits for it
  uint64_t first_pending_ = 0;         // the number of the first of them
  std::string output_;                 // bytes that are being sent
  bool writing_ = false;
  Milliseconds retry_ = kFirstRetry;
  int timeouts_ = 0;
  bool proven_ = true;  // false from a failure until the server answers again
  std::string down_because_ = "not connected yet";
  TaskGroup writes_;
  TaskGroup tasks_;
};

// A request in progress; lives in the waiting coroutine's frame.
class Link::Call final : public ListNode<Call>, private Timer {
 public:
  Call(Link& link, const Request& request, Milliseconds timeout)
      : link_(link), request_(request), timeout_(timeout), left_(request.replies) {}
  ~Call() { withdraw(); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  bool await_ready();
  void await_suspend(std::coroutine_handle<> handle);
  Reply await_resume() { return std::move(reply_); }

 private:
  friend class Link;
  void take(Reply reply);
  void fail(std::string_view why);
  void withdraw();
  void fire() override;

  Link& link_;
  const Request& request_;
  const Milliseconds timeout_;
  size_t left_;          // replies that have not come
  uint64_t end_ = 0;     // the number behind that of the last reply; 0 until the request is sent
  std::string refusal_;  // the first error among the replies before the last
  Reply reply_;
  std::coroutine_handle<> waiter_;
};

inline Link::Call Link::ask(const Request& request, Milliseconds timeout) {
  return {*this, request, timeout};
}

}  // namespace portcullis::redis

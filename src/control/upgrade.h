#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/acceptor.h"
#include "runtime/event_loop.h"
#include "runtime/socket_file.h"

namespace portcullis::control {

// Replaces a running gateway without closing its sockets. The new process connects to the Unix socket of the
// old one, gets every listening socket (SCM_RIGHTS), starts serving, and reports that it serves; then the old
// process drains. Until then the old process serves unchanged, so a new process that fails to start does no
// harm.

// The sockets by address; the socket of the admin listener is under "admin ADDRESS".
using PassedSockets = std::map<std::string, std::vector<UniqueFd>>;

// The side of the new process.
class Succession {
 public:
  // Asks the process that listens at `path` for its sockets. Null when no process listens there.
  static Result<std::unique_ptr<Succession>> ask(const std::string& path);
  // Receives the sockets that the process at the other end of `peer` passes on.
  static Result<std::unique_ptr<Succession>> receive(UniqueFd peer);

  PassedSockets& sockets() { return sockets_; }
  // Returns an error when the old process has refused to be replaced and goes on serving. Does not wait.
  Status check() const;
  // Tells the old process to drain. Returns an error as check() does.
  Status confirm();

 private:
  UniqueFd peer_;
  PassedSockets sockets_;
};

// The side of the old process. Lives on the control thread's loop.
class UpgradePoint {
 public:
  struct Hooks {
    // Returns the sockets to pass on. Called for each successor that asks.
    std::function<std::vector<std::pair<std::string, std::vector<int>>>()> sockets;
    std::function<void()> on_succeeded;
    // Called when a successor has gone without having reported that it serves.
    std::function<void()> on_failed;
    // Returns why no process that asks at the path may take over now; empty when it may.
    std::function<std::string()> refusal;
    // Calls the function when no change of the listeners is under way, so that all sockets are passed on.
    std::function<void(std::function<void()>)> when_settled;
  };

  UpgradePoint(EventLoop& loop, Hooks hooks);
  // Removes the file of the socket, unless a successor has put its own file there.
  ~UpgradePoint();

  // Makes a socket beside `path`, so that errors show up before this process serves.
  Status prepare(const std::string& path);
  // Moves that socket to `path`, where it replaces the socket of another process, and listens. Only processes
  // of the same user are served. Does nothing without prepare().
  Status listen();
  // Passes the sockets on to the process at the other end of `peer`, without waiting until it reads. That
  // process is given up after `limit`.
  void serve(UniqueFd peer, Milliseconds limit = kForever);
  // True while a process has the sockets, or is receiving them, and has not reported that it serves.
  bool has_successor() const { return successor_ != nullptr; }

  // The max time until a successor serves.
  static constexpr Milliseconds kSuccessorLimit{60'000};

 private:
  class Successor;
  Status pass_sockets(Successor& successor);
  void receive(UniqueFd peer);
  void answer(UniqueFd peer);
  std::string reason_to_refuse() const;

  EventLoop& loop_;
  Hooks hooks_;
  std::unique_ptr<Successor> successor_;
  std::string path_;
  SocketFiles file_;                    // the file at `path`, after listen()
  UniqueFd prepared_;                   // the socket between prepare() and listen()
  std::unique_ptr<Acceptor> acceptor_;  // null before listen()
};

}  // namespace portcullis::control

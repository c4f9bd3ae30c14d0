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

// Replacing a running gateway without closing its sockets: the new process connects to the old one's Unix
// socket, gets every listening socket (SCM_RIGHTS), starts serving, and says so; then the old one drains.
// Until then nothing has changed for the old one, so a new process that cannot start costs nothing.

// By address; the admin listener's are under "admin ADDRESS".
using PassedSockets = std::map<std::string, std::vector<UniqueFd>>;

// The new process's side.
class Succession {
 public:
  // Asks the process that listens at `path`. Empty when none does.
  static Result<std::unique_ptr<Succession>> ask(const std::string& path);
  // Takes what the process at the other end of `peer` passes on.
  static Result<std::unique_ptr<Succession>> receive(UniqueFd peer);

  PassedSockets& sockets() { return sockets_; }
  // An error when the old process has refused to be replaced: it goes on serving. Without waiting.
  Status check() const;
  // Tells the old process to drain. An error as above.
  Status confirm();

 private:
  UniqueFd peer_;
  PassedSockets sockets_;
};

// The old process's side. Lives on the control thread's loop.
class UpgradePoint {
 public:
  struct Hooks {
    // What is to be passed on; called for each successor that asks.
    std::function<std::vector<std::pair<std::string, std::vector<int>>>()> sockets;
    std::function<void()> on_succeeded;
    // A successor has gone without having said that it serves.
    std::function<void()> on_failed;
    // Why no process that asks at the path may take over now; empty: it may.
    std::function<std::string()> refusal;
  };

  UpgradePoint(EventLoop& loop, Hooks hooks);
  // Removes its socket's file, unless a successor has put its own there.
  ~UpgradePoint();

  // Makes a socket beside `path`. What can go wrong goes wrong here, before this process serves.
  Status prepare(const std::string& path);
  // Puts that socket in the place of another process's at `path`, and listens. Only processes of the same
  // user are served. Without prepare() it does nothing.
  Status listen();
  // Passes the sockets on to the process at the other end of `peer`; it waits for no reader. That process is
  // given up after `limit`.
  void serve(UniqueFd peer, Milliseconds limit = kForever);
  // True while a process has the sockets, or is being given them, and has not said that it serves.
  bool has_successor() const { return successor_ != nullptr; }

  // How long a successor may take to serve.
  static constexpr Milliseconds kSuccessorLimit{60'000};

 private:
  class Successor;
  Status pass_sockets(Successor& successor);
  void receive(UniqueFd peer);
  std::string reason_to_refuse() const;

  EventLoop& loop_;
  Hooks hooks_;
  std::unique_ptr<Successor> successor_;
  std::string path_;
  SocketFiles file_;                    // at `path`, once it listens there
  UniqueFd prepared_;                   // between prepare() and listen()
  std::unique_ptr<Acceptor> acceptor_;  // null: it listens nowhere
};

}  // namespace portcullis::control

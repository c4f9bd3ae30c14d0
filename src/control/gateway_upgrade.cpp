// How the gateway is replaced by a successor without closing a socket, and the processes that it starts for
// that.

#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/say.h"
#include "control/gateway.h"

namespace portcullis::control {

Status Gateway::prepare_upgrade_point() {
  UpgradePoint::Hooks hooks;
  hooks.sockets = [this] {
    std::vector<std::pair<std::string, std::vector<int>>> out;
    for (const auto& [address, sockets] : listeners_.sockets()) {
      out.emplace_back(address, std::vector<int>());
      for (const UniqueFd& socket : sockets) out.back().second.push_back(socket.get());
    }
    if (admin_ && admin_->fd() >= 0)
      out.emplace_back("admin " + fixed_.admin_address, std::vector<int>{admin_->fd()});
    return out;
  };
  hooks.on_failed = [this] {
    listeners_.remove_left();
    if (!draining_)
      say(Level::kWarning, "a successor has gone before it served: this process goes on serving");
  };
  hooks.on_succeeded = [this] {
    say("a successor serves");
    successor_ = 0;
    give_up_successor_.unlink();
    // Both would answer at the admin address that they share, this process that it is not ready.
    if (admin_) admin_->stop_accepting();
    stop(SIGTERM, kSuccessor);
  };
  hooks.refusal = [this] {
    return successor_ == 0 ? "" : "process " + std::to_string(successor_) + " is starting as the successor";
  };
  upgrade_point_ = std::make_unique<UpgradePoint>(loop_, std::move(hooks));
  if (options_.upgrade_socket_path.empty()) return {};
  return upgrade_point_->prepare(options_.upgrade_socket_path);
}

// Starts the program anew, by the path that it was started with, and passes the sockets on to it.
void Gateway::upgrade() {
  const auto refuse = [this](const std::string& why) {
    say(Level::kWarning, "upgrade refused: " + why);
    audit("upgrade", "signal", {{"outcome", "refused"}, {"why", why}});
  };
  if (!upgrade_point_) return;  // it does not serve yet
  if (draining_) return refuse("the gateway is draining");
  if (successor_ != 0) return refuse("process " + std::to_string(successor_) + " is starting already");
  if (upgrade_point_->has_successor())
    return refuse("a process that asked at the upgrade socket is taking over");
  if (::getpid() == 1)
    return refuse(
        "as process 1 of a container it cannot end without ending its successor: start another container");
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return refuse(std::string("cannot open a socket: ") + std::strerror(errno));
  UniqueFd ours(ends[0]), theirs(ends[1]);
  const auto started = start_successor(program_, std::move(theirs), listeners_.first_umask());
  if (!started) return refuse(started.error().message);
  successor_ = *started;
  say("process " + std::to_string(successor_) + " is starting as the successor: " + program_.path);
  audit("upgrade", "signal", {{"outcome", "started"}, {"process", successor_}});
  manager_.status("process " + std::to_string(successor_) + " is starting as the successor");
  loop_.arm(give_up_successor_, UpgradePoint::kSuccessorLimit);
  upgrade_point_->serve(std::move(ours));
}

void Gateway::end_starting_successor(int signal) {
  if (successor_ == 0) return;
  give_up_successor_.unlink();
  ::kill(successor_, signal);
}

void Gateway::GiveUpSuccessor::fire() {
  say(Level::kWarning, "process " + std::to_string(gateway_.successor_) + " does not serve after " +
                           std::to_string(UpgradePoint::kSuccessorLimit.count() / 1'000) +
                           " seconds, and is ended");
  ::kill(gateway_.successor_, SIGKILL);
}

// The successor that did not serve; and, where this is process 1 of a container or was chosen to be a reaper,
// children of processes that have ended.
void Gateway::take_ended_children() {
  int status = 0;
  for (pid_t process = 0; (process = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    if (process != successor_) continue;
    successor_ = 0;
    give_up_successor_.unlink();
    const std::string why = "process " + std::to_string(process) + ", the successor, " + describe_end(status);
    say(Level::kError, "upgrade failed: " + why +
                           (draining_ ? "; this process is ending" : "; this process goes on serving"));
    audit("upgrade", "signal", {{"outcome", "failed"}, {"why", why}});
    if (!draining_) manager_.status("upgrade failed: " + why + "; " + serving_line());
  }
}

std::string Gateway::serving_line() const {
  return "serving configuration " + std::to_string(snapshot_->version);
}

}  // namespace portcullis::control

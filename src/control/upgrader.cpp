#include "control/upgrader.h"

#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/say.h"
#include "control/listener_set.h"
#include "control/logs.h"
#include "control/service_manager.h"

namespace portcullis::control {

Upgrader::Upgrader(EventLoop& loop, ListenerSet& listeners, ServiceManager& manager, Logs& logs, Hooks hooks)
    : loop_(loop), listeners_(listeners), manager_(manager), logs_(logs), hooks_(std::move(hooks)) {}

std::vector<std::pair<std::string, std::vector<int>>> Upgrader::sockets() const {
  std::vector<std::pair<std::string, std::vector<int>>> out;
  for (const auto& [address, sockets] : listeners_.sockets()) {
    out.emplace_back(address, std::vector<int>());
    for (const UniqueFd& socket : sockets) out.back().second.push_back(socket.get());
  }
  for (auto& admin : hooks_.admin_sockets()) out.push_back(std::move(admin));
  return out;
}

Status Upgrader::prepare(const std::string& path) {
  UpgradePoint::Hooks hooks;
  hooks.sockets = [this] { return sockets(); };
  hooks.on_failed = [this] {
    listeners_.remove_left();
    if (!hooks_.draining())
      say(Level::kWarning, "the successor ended before it served requests: this process goes on serving");
  };
  hooks.on_succeeded = [this] {
    say("the successor serves requests now");
    successor_ = 0;
    give_up_.unlink();
    hooks_.on_succeeded();
  };
  hooks.when_settled = hooks_.when_settled;
  hooks.refusal = [this] {
    return successor_ == 0 ? "" : "process " + std::to_string(successor_) + " is starting as the successor";
  };
  point_ = std::make_unique<UpgradePoint>(loop_, std::move(hooks));
  return path.empty() ? Status() : point_->prepare(path);
}

Status Upgrader::listen() {
  return point_->listen();
}

void Upgrader::refuse(const std::string& why) {
  say(Level::kWarning, "upgrade refused: " + why);
  logs_.audit("upgrade", {.name = "signal"}, {{"outcome", "refused"}, {"why", why}});
}

void Upgrader::start_now() {
  if (!point_) return;  // this process does not serve yet
  if (hooks_.draining()) return refuse("the gateway is draining");
  if (successor_ != 0) return refuse("process " + std::to_string(successor_) + " is starting already");
  if (point_->has_successor()) return refuse("a process that asked at the upgrade socket is taking over");
  if (::getpid() == 1)
    return refuse(
        "as process 1 of a container it cannot end without ending its successor: start another container");
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return refuse(std::string("cannot open a socket: ") + std::strerror(errno));
  UniqueFd ours(ends[0]), theirs(ends[1]);
  const auto started = control::start_successor(program_, std::move(theirs), listeners_.first_umask());
  if (!started) return refuse(started.error().message);
  successor_ = *started;
  say("process " + std::to_string(successor_) + " is starting as the successor: " + program_.path);
  logs_.audit("upgrade", {.name = "signal"}, {{"outcome", "started"}, {"process", successor_}});
  manager_.status("process " + std::to_string(successor_) + " is starting as the successor");
  loop_.arm(give_up_, UpgradePoint::kSuccessorLimit);
  point_->serve(std::move(ours));
}

void Upgrader::end_successor(int signal) {
  if (successor_ == 0) return;
  give_up_.unlink();
  ::kill(successor_, signal);
}

void Upgrader::give_up() {
  say(Level::kWarning, "process " + std::to_string(successor_) + " does not serve after " +
                           std::to_string(UpgradePoint::kSuccessorLimit.count() / 1'000) +
                           " seconds, and is ended");
  ::kill(successor_, SIGKILL);
}

void Upgrader::take_ended_children() {
  int status = 0;
  for (pid_t process = 0; (process = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    if (process != successor_) continue;
    successor_ = 0;
    give_up_.unlink();
    const bool draining = hooks_.draining();
    const std::string why = "process " + std::to_string(process) + ", the successor, " + describe_end(status);
    say(Level::kError, "upgrade failed: " + why +
                           (draining ? "; this process is ending" : "; this process goes on serving"));
    logs_.audit("upgrade", {.name = "signal"}, {{"outcome", "failed"}, {"why", why}});
    if (!draining) manager_.status("upgrade failed: " + why + "; " + hooks_.serving_line());
  }
}

}  // namespace portcullis::control

#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "control/successor_process.h"
#include "control/upgrade.h"
#include "runtime/event_loop.h"

namespace portcullis::control {

class ListenerSet;
class Logs;
class ServiceManager;

// Replaces this process by a successor without closing a socket. The successor is either a new process that
// this one starts, or a process that asks at the upgrade socket. Control thread.
class Upgrader {
 public:
  struct Hooks {
    // Returns the socket of the admin listener, with the name under which it is passed on; empty when there
    // is no socket.
    std::function<std::vector<std::pair<std::string, std::vector<int>>>()> admin_sockets;
    std::function<bool()> draining;
    // Calls the function when no change of what is served is under way; at once when the gateway drains.
    std::function<void(std::function<void()>)> when_settled;
    std::function<std::string()> serving_line;
    // Called when a successor serves, so that this process drains.
    std::function<void()> on_succeeded;
  };

  // The referenced objects outlive this object.
  Upgrader(EventLoop& loop, ListenerSet& listeners, ServiceManager& manager, Logs& logs, Hooks hooks);

  // Makes the upgrade socket beside `path`. When `path` is empty, only a successor that this process starts
  // can take over. Returns an error when the socket cannot be made.
  Status prepare(const std::string& path);
  // From now on processes may ask at the upgrade socket.
  Status listen();

  // Starts the program again, by the path that it was started with, and passes the sockets on to the new
  // process. Refused while the gateway is draining, while another successor is starting or taking over, and
  // in process 1 of a container. Does nothing before prepare().
  void start_successor() {
    hooks_.when_settled([this] { start_now(); });
  }
  // Sends `signal` to the successor that this process has started and that does not serve yet, if there is
  // one.
  void end_successor(int signal);
  // Called when children of this process may have ended: the successor, and, when this process is process 1
  // of a container or a subreaper, the children of other processes that have ended.
  void take_ended_children();

  // True while a process has the sockets, or is receiving them, and does not serve yet.
  bool has_successor() const { return point_ && point_->has_successor(); }
  // True while such a process exists that this process has not started; it goes on when this process ends.
  bool has_foreign_successor() const { return has_successor() && successor_ == 0; }

 private:
  class GiveUp final : public Timer {
   public:
    explicit GiveUp(Upgrader& upgrader) : upgrader_(upgrader) {}
    void fire() override { upgrader_.give_up(); }

   private:
    Upgrader& upgrader_;
  };
  void start_now();
  void give_up();
  void refuse(const std::string& why);
  std::vector<std::pair<std::string, std::vector<int>>> sockets() const;

  EventLoop& loop_;
  ListenerSet& listeners_;
  ServiceManager& manager_;
  Logs& logs_;
  const Hooks hooks_;
  const Program program_ = Program::of_this_process();
  // The process id of a successor that was started and does not serve yet; 0 when there is none.
  pid_t successor_ = 0;
  GiveUp give_up_{*this};
  std::unique_ptr<UpgradePoint> point_;  // null before prepare()
};

}  // namespace portcullis::control

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

// Replaces this process by a successor without closing a socket: starts the program again, or lets a process
// take over that asks at the upgrade socket. Control thread.
class Upgrader {
 public:
  struct Hooks {
    // The admin listener's socket, by the name that it is passed on with; nothing when there is none.
    std::function<std::vector<std::pair<std::string, std::vector<int>>>()> admin_sockets;
    std::function<bool()> draining;
    std::function<std::string()> serving_line;
    // A successor serves: this process is to drain.
    std::function<void()> on_succeeded;
  };

  // The references outlive this object.
  Upgrader(EventLoop& loop, ListenerSet& listeners, ServiceManager& manager, Logs& logs, Hooks hooks);

  // Makes the upgrade socket beside `path`; empty: only a successor that this process starts takes over. An
  // error: it cannot be made.
  Status prepare(const std::string& path);
  // From now on processes may ask at the upgrade socket.
  Status listen();

  // Starts the program anew, by the path that it was started with, and passes the sockets on to it. Refused
  // while the gateway is starting or draining, or another successor is starting.
  void start_successor();
  // Sends `signal` to the successor that was started and does not serve yet, if there is one.
  void end_successor(int signal);
  // Children of this process may have ended: the successor; and, where this is process 1 of a container or
  // was chosen to be a reaper, children of processes that have ended.
  void take_ended_children();

  // A process has the sockets, or is being given them, and does not serve yet.
  bool has_successor() const { return point_ && point_->has_successor(); }
  // The same of a process that this one has not started, and that goes its own way when this one ends.
  bool has_foreign_successor() const { return has_successor() && successor_ == 0; }

 private:
  class GiveUp final : public Timer {
   public:
    explicit GiveUp(Upgrader& upgrader) : upgrader_(upgrader) {}
    void fire() override { upgrader_.give_up(); }

   private:
    Upgrader& upgrader_;
  };
  void give_up();
  void refuse(const std::string& why);
  std::vector<std::pair<std::string, std::vector<int>>> sockets() const;

  EventLoop& loop_;
  ListenerSet& listeners_;
  ServiceManager& manager_;
  Logs& logs_;
  const Hooks hooks_;
  const Program program_ = Program::of_this_process();
  pid_t successor_ = 0;  // that was started and does not serve yet; 0: none
  GiveUp give_up_{*this};
  std::unique_ptr<UpgradePoint> point_;  // null before prepare()
};

}  // namespace portcullis::control

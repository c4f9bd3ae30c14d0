#pragma once

#include <chrono>
#include <string>

#include "base/unique_fd.h"
#include "runtime/event_loop.h"
#include "runtime/task.h"

namespace portcullis::control {

class Fleet;

// Notifies a service manager (systemd, with Type=notify) of the state of the service, in datagrams to the
// socket that $NOTIFY_SOCKET names, as sd_notify(3) describes. Sends nothing without that variable. Control
// thread.
class ServiceManager {
 public:
  // Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
  ServiceManager();

  // The service is ready, and this process is its main process. This notification and the next two are sent
  // once and the manager acts upon them, so while the queue of the manager is full, these calls wait for a
  // second at most.
  void ready(const std::string& status);
  void reloading();
  // The service is stopping. `limit` is the max time for the exchanges in progress. The manager is asked to
  // wait for that time and some seconds more, in case its own limit (TimeoutStopSec=) is shorter.
  void stopping(const std::string& status, Milliseconds limit);
  // Sends a status text. The text is lost while the queue of the manager is full, because further texts
  // follow.
  void status(const std::string& status);

  // From now on tells the watchdog of the manager that the process is alive, at half of the interval that the
  // manager requires, as long as the loop of each worker answers. Workers of a fleet that drains may have
  // ended, so they are not asked. Does nothing when the manager has no watchdog. `loop` and `fleet` must be
  // valid until end_watch().
  void watch(EventLoop& loop, Fleet& fleet);
  // Ends the notifications of watch(). Must be called before the fleet is destroyed.
  void end_watch() { watching_.clear(); }

 private:
  Task<void> keep_alive(EventLoop& loop, Fleet& fleet);
  enum class Patience { kNone, kSecond };
  void send(const std::string& text, Patience patience);

  UniqueFd socket_;
  std::string address_;                    // a path, or an abstract address, which begins with a zero byte
  std::chrono::microseconds watchdog_{0};  // the max time between two notifications; 0 without a watchdog
  TaskGroup watching_;
};

}  // namespace portcullis::control

#pragma once

#include <chrono>
#include <string>

#include "base/unique_fd.h"
#include "runtime/event_loop.h"
#include "runtime/task.h"

namespace portcullis::control {

class Fleet;

// What a service manager (systemd, with Type=notify) wants to know of a service, in datagrams to the socket
// that $NOTIFY_SOCKET names: sd_notify(3) describes them. Without that variable nothing is sent.
// Control thread.
class ServiceManager {
 public:
  // Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
  ServiceManager();

  // It serves, and this process is the service's main one. This and the two that follow are said once, and
  // the manager acts upon them: while its queue is full they wait, for a second at most.
  void ready(const std::string& status);
  void reloading();
  // `limit`: how long the exchanges in hand may go on. The manager is asked to wait that long, and some
  // seconds more, where its own limit (TimeoutStopSec=) is shorter.
  void stopping(const std::string& status, Milliseconds limit);
  // Another follows, so these are lost while the manager does not read.
  void status(const std::string& status);

  // From now on the manager is told that the process is alive, at half of the interval that it wants, while
  // the loop of each worker answers. Workers of a fleet that drains may have ended, and are not asked.
  // Without a watchdog of the manager nothing happens. `loop` and `fleet` outlive this object's last call.
  void watch(EventLoop& loop, Fleet& fleet);
  // Ends that, before the fleet is destroyed.
  void end_watch() { watching_.clear(); }

 private:
  Task<void> keep_alive(EventLoop& loop, Fleet& fleet);
  enum class Patience { kNone, kSecond };
  void send(const std::string& text, Patience patience);

  UniqueFd socket_;
  std::string address_;                    // as a path, or with a zero byte first: an abstract one
  std::chrono::microseconds watchdog_{0};  // the manager's limit between two signs of life; 0: it has none
  TaskGroup watching_;
};

}  // namespace portcullis::control

#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/worker.h"
#include "runtime/address.h"
#include "runtime/task.h"

namespace portcullis::control {

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
  void still_alive();

  // It wants to hear still_alive() at least this often; zero: never.
  std::chrono::microseconds watchdog_interval() const { return watchdog_; }

 private:
  enum class Patience { kNone, kSecond };
  void send(const std::string& text, Patience patience);

  UniqueFd socket_;
  std::string address_;  // as a path, or with a zero byte first: an abstract one
  std::chrono::microseconds watchdog_{0};
};

// Tells the service manager that the process is alive, at half of the interval that it wants, while the loop
// of each worker answers. Control thread.
class Watchdog {
 public:
  // `draining`: workers that have nothing left to do have ended then, and are not asked.
  Watchdog(EventLoop& loop, ServiceManager& manager,
           const std::vector<std::unique_ptr<proxy::Worker>>& workers, std::function<bool()> draining);

 private:
  Task<void> watch();

  EventLoop& loop_;
  ServiceManager& manager_;
  const std::vector<std::unique_ptr<proxy::Worker>>& workers_;
  const std::function<bool()> draining_;
  TaskGroup tasks_;
};

}  // namespace portcullis::control

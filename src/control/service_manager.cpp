#include "control/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <vector>

#include "base/say.h"
#include "base/text.h"
#include "control/fleet.h"

namespace portcullis::control {
namespace {

std::string environment_variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// Replaces line breaks: a status is one line, and a further line would be another assignment.
std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

ServiceManager::ServiceManager() : address_(environment_variable("NOTIFY_SOCKET")) {
  if (address_.empty()) return;
  if ((address_[0] != '/' && address_[0] != '@') || address_.size() >= sizeof(sockaddr_un::sun_path)) {
    say(Level::kWarning,
        "NOTIFY_SOCKET is neither a path nor an abstract address of a Unix socket: " + address_);
    return;
  }
  if (address_[0] == '@') address_[0] = '\0';
  socket_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const timeval second{1, 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second);
  const std::string process = environment_variable("WATCHDOG_PID");
  if (!process.empty() && process != std::to_string(::getpid())) return;
  watchdog_ = std::chrono::microseconds(parse_decimal(environment_variable("WATCHDOG_USEC")).value_or(0));
}

void ServiceManager::ready(const std::string& status) {
  send("READY=1\nMAINPID=" + std::to_string(::getpid()) + "\nSTATUS=" + one_line(status), Patience::kSecond);
}

void ServiceManager::reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const auto microseconds =
      static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1'000;
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds) + "\nSTATUS=reloading the configuration",
       Patience::kSecond);
}

void ServiceManager::stopping(const std::string& status, Milliseconds limit) {
  // Time for the work after the last exchange, such as writing the logs.
  constexpr Milliseconds kMargin{15'000};
  const std::chrono::microseconds wanted = limit + kMargin;
  send("STOPPING=1\nEXTEND_TIMEOUT_USEC=" + std::to_string(wanted.count()) + "\nSTATUS=" + one_line(status),
       Patience::kSecond);
}

void ServiceManager::status(const std::string& status) {
  send("STATUS=" + one_line(status), Patience::kNone);
}

void ServiceManager::send(const std::string& text, Patience patience) {
  if (!socket_) return;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, address_.data(), address_.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  const int flags = MSG_NOSIGNAL | (patience == Patience::kNone ? MSG_DONTWAIT : 0);
  const ssize_t sent = ::sendto(socket_.get(), text.data(), text.size(), flags,
                                reinterpret_cast<const sockaddr*>(&to), length);
  if (sent < 0 && patience != Patience::kNone)
    say(Level::kWarning, "the service manager was not told " + text.substr(0, text.find('\n')) + ": " +
                             (errno == EAGAIN ? "it does not read its socket" : std::strerror(errno)));
}

void ServiceManager::watch(EventLoop& loop, Fleet& fleet) {
  if (watchdog_.count() > 0) watching_.spawn(keep_alive(loop, fleet));
}

Task<void> ServiceManager::keep_alive(EventLoop& loop, Fleet& fleet) {
  // The workers are checked twice as often as the manager is told, so that a worker that was late once does
  // not miss a whole interval.
  const Milliseconds step = std::max(std::chrono::floor<Milliseconds>(watchdog_ / 4), Milliseconds(1));
  // Shared with the messages, which workers may handle after this task has ended.
  const auto answered = std::make_shared<std::vector<std::atomic<uint64_t>>>(fleet.size());
  Clock::time_point told{};
  bool quiet = false;
  for (uint64_t round = 1;; ++round) {
    if (!fleet.draining())
      fleet.post([answered, round](size_t i) { (*answered)[i].store(round, std::memory_order_relaxed); });
    co_await sleep_for(loop, step);
    const bool alive =
        fleet.draining() || std::all_of(answered->begin(), answered->end(), [round](const auto& one) {
          return one.load(std::memory_order_relaxed) == round;
        });
    if (alive && Clock::now() - told >= watchdog_ / 2 - step / 2) {
      send("WATCHDOG=1", Patience::kNone);
      told = Clock::now();
    }
    if (alive == quiet)
      say(alive ? Level::kInfo : Level::kError,
          alive ? "all workers answer again"
                : "a worker does not answer: the service manager's watchdog is not told");
    quiet = !alive;
  }
}

}  // namespace portcullis::control

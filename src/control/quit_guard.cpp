#include "control/quit_guard.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <system_error>

#include "base/say.h"
#include "runtime/start_thread.h"

namespace portcullis::control {
namespace {

constexpr std::chrono::milliseconds kPatience{5'000};

// Ends a process that has not ended by itself. No destructors run, because they might wait for whatever
// blocks the process.
[[noreturn]] void end_process(const std::string& why) {
  say(Level::kWarning, why);
  ::_exit(0);
}

}  // namespace

QuitGuard::QuitGuard() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGQUIT);
  signals_ = UniqueFd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  over_ = UniqueFd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!signals_ || !over_) throw std::system_error(errno, std::generic_category(), "cannot wait for SIGQUIT");
  thread_ = start_thread("quit", [this] { run(); });
}

QuitGuard::~QuitGuard() {
  const uint64_t one = 1;
  (void)!::write(over_.get(), &one, sizeof one);
  thread_.join();
}

void QuitGuard::set_stop(std::function<void()> stop) {
  const std::lock_guard lock(mutex_);
  stop_ = std::move(stop);
  starting_ = false;
}

void QuitGuard::clear_stop() {
  set_stop(nullptr);
}

// Waits for SIGQUIT; false when the process has ended its work before.
bool QuitGuard::wait_for_signal() const {
  for (;;) {
    pollfd both[] = {{signals_.get(), POLLIN, 0}, {over_.get(), POLLIN, 0}};
    if (::poll(both, 2, -1) <= 0) continue;  // EINTR
    if (both[1].revents != 0) return false;
    signalfd_siginfo received{};
    if (::read(signals_.get(), &received, sizeof received) == sizeof received) return true;
  }
}

void QuitGuard::run() {
  if (!wait_for_signal()) return;
  {
    const std::lock_guard lock(mutex_);
    if (starting_) end_process("stopped by SIGQUIT while it was starting");
    if (stop_) stop_();
  }
  const auto until = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    if (left <= 0)
      end_process(
          "the process did not end within five seconds after SIGQUIT: it ends now, and unfinished requests "
          "are lost");
    pollfd over{over_.get(), POLLIN, 0};
    if (::poll(&over, 1, static_cast<int>(left)) > 0) return;
  }
}

}  // namespace portcullis::control

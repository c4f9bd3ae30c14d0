#include "control/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace portcullis::control {
namespace {

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD}) sigaddset(&set, signal);
  return set;
}

}  // namespace

void SignalWatch::block() {
  sigset_t set = handled_signals();
  sigaddset(&set, SIGQUIT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // When the parent ignores SIGCHLD, this process inherits that, and the kernel would drop the exit status of
  // its children.
  std::signal(SIGCHLD, SIG_DFL);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a write beyond the size limit of files fails with an error instead
}

SignalWatch::SignalWatch(EventLoop& loop, std::function<void(int signal)> receive)
    : loop_(loop), receive_(std::move(receive)) {
  const sigset_t set = handled_signals();
  fd_ = UniqueFd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd_ || !loop_.watch(fd_.get(), EPOLLIN, *this))
    throw std::system_error(errno, std::generic_category(), "cannot wait for signals");
}

SignalWatch::~SignalWatch() {
  loop_.unwatch(fd_.get(), *this);
}

void SignalWatch::on_events(uint32_t) {
  signalfd_siginfo received{};
  while (::read(fd_.get(), &received, sizeof received) == sizeof received)
    receive_(static_cast<int>(received.ssi_signo));
}

}  // namespace portcullis::control

#include "cli/borrowed_terminal.h"

#include <unistd.h>

#include <csignal>

namespace portcullis::cli {
namespace {

// The data that the signal handler needs.
struct Lent {
  termios before{};
  int output = -1;  // -1 when there is nothing to restore
  std::string_view farewell;
};
Lent lent;

// This function and the next one call only functions that are safe in signal handlers (signal-safety(7)).
void give_back() {
  if (lent.output < 0) return;
  (void)!::write(lent.output, lent.farewell.data(), lent.farewell.size());
  ::tcsetattr(STDIN_FILENO, TCSANOW, &lent.before);
}

// The signal ends the process (SA_RESETHAND, SA_NODEFER), except when the process is process 1 of a
// container.
void end_by(int signal) {
  give_back();
  ::raise(signal);
  ::_exit(128 + signal);
}

void give_back_at(int signal) {
  struct sigaction action {};
  if (::sigaction(signal, nullptr, &action) != 0 || action.sa_handler == SIG_IGN) return;
  action = {};
  action.sa_handler = end_by;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

BorrowedTerminal::BorrowedTerminal(tcflag_t hidden, int output, std::string_view farewell) {
  if (::tcgetattr(STDIN_FILENO, &lent.before) != 0) return;
  lent.farewell = farewell;
  lent.output = output;
  for (const int ending : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) give_back_at(ending);
  termios changed = lent.before;
  changed.c_lflag &= ~hidden;
  changed.c_cc[VSUSP] = _POSIX_VDISABLE;
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &changed);
}

BorrowedTerminal::~BorrowedTerminal() {
  give_back();
  lent.output = -1;
}

}  // namespace portcullis::cli

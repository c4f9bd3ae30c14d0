#include "cli/borrowed_terminal.h"

#include <unistd.h>

#include <csignal>

namespace portcullis::cli {
namespace {

// What the signal handler needs.
struct Lent {
  termios before{};
  int output = -1;  // -1: there is nothing to give back
  std::string_view farewell;
};
Lent lent;

// This and the next function call only what a signal handler may (signal-safety(7)).
void give_back() {
  if (lent.output < 0) return;
  (void)!::write(lent.output, lent.farewell.data(), lent.farewell.size());
  ::tcsetattr(STDIN_FILENO, TCSANOW, &lent.before);
}

// The signal has its usual effect here (SA_RESETHAND, SA_NODEFER), but on process 1 of a container none.
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

#pragma once

#include <termios.h>

#include <string_view>

namespace portcullis::cli {

// Changes the settings of the terminal of standard input, and restores them when the object is destroyed or
// when a signal ends the process (SIGINT, SIGTERM, SIGHUP, SIGQUIT, unless the signal was ignored before).
// Ctrl-Z has no effect meanwhile, because a stopped process could not restore the terminal. One object at a
// time.
class BorrowedTerminal {
 public:
  // `hidden` has the flags of `c_lflag` to switch off, such as ECHO. `farewell` is written to `output` when
  // the terminal is restored, and must live as long as the process. Without a terminal nothing happens.
  BorrowedTerminal(tcflag_t hidden, int output, std::string_view farewell);
  ~BorrowedTerminal();
  BorrowedTerminal(const BorrowedTerminal&) = delete;
  BorrowedTerminal& operator=(const BorrowedTerminal&) = delete;
};

}  // namespace portcullis::cli

#pragma once

#include <termios.h>

#include <string_view>

namespace portcullis::cli {

// The terminal of standard input with other settings than its user's, which it gets back when this ends or
// when a signal ends the process (SIGINT, SIGTERM, SIGHUP, SIGQUIT; not those that were ignored before).
// Ctrl-Z has no effect meanwhile: a process that is stopped could not give the terminal back. One at a time.
class BorrowedTerminal {
 public:
  // `hidden`: flags of `c_lflag` that are off meanwhile, such as ECHO. `farewell` lives as long as the
  // process: it is written to `output` when the terminal is given back. Without a terminal nothing happens.
  BorrowedTerminal(tcflag_t hidden, int output, std::string_view farewell);
  ~BorrowedTerminal();
  BorrowedTerminal(const BorrowedTerminal&) = delete;
  BorrowedTerminal& operator=(const BorrowedTerminal&) = delete;
};

}  // namespace portcullis::cli

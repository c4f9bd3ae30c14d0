#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace portcullis::control {

// How this process was started, so that the same can be started again.
struct Program {
  // The path as it was started, not what it led to: a binary that has been replaced is the one that is
  // started next.
  std::string path;
  std::vector<std::string> arguments;  // with the program's name

  // Of this process. Call it before the current folder changes. Empty where /proc is missing.
  static Program of_this_process();
};

// Starts `program` as the successor of this process: with the same environment and folder, and `peer`, over
// which the listening sockets are passed on. `umask` is the one that this process was started with: the
// successor inherits a stricter one. Its process id. Control thread.
Result<pid_t> start_successor(const Program& program, UniqueFd peer, mode_t umask);

// In a process that start_successor() has started: the socket whose other end the predecessor has. None in
// another. It is taken once.
UniqueFd take_predecessor_socket();

// The umask that start_successor() was given for this process; none in another. It is taken once.
std::optional<mode_t> take_predecessor_umask();

// "ended with exit code 3", "was ended by signal 9", of what waitpid() says.
std::string describe_end(int status);

}  // namespace portcullis::control

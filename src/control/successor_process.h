#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace portcullis::control {

// The program and arguments of a process, so that the same program can be started again.
struct Program {
  // The path by which the program was started, with symbolic links unresolved: when the binary has been
  // replaced, the new one is started.
  std::string path;
  std::vector<std::string> arguments;  // the arguments, the name of the program first

  // The program of this process. Must be called before the current folder changes. Empty when /proc is
  // missing.
  static Program of_this_process();
};

// Starts `program` as the successor of this process, with the same environment and folder, and with `peer`,
// the socket over which the listening sockets are passed on. `umask` is the one that this process was started
// with, because the successor inherits a stricter one. Returns the process id. Control thread.
Result<pid_t> start_successor(const Program& program, UniqueFd peer, mode_t umask);

// The socket to the predecessor, in a process that start_successor() has started; empty in other processes
// and at the second call.
UniqueFd take_predecessor_socket();

// The umask that start_successor() was given for this process; nothing in other processes and at the second
// call.
std::optional<mode_t> take_predecessor_umask();

// Describes a status of waitpid(): "ended with exit code 3", "was ended by signal 9".
std::string describe_end(int status);

}  // namespace portcullis::control

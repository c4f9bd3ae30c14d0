#include "control/successor_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/read_file.h"
#include "base/text.h"

namespace portcullis::control {
namespace {

// Its value is the number of a descriptor.
constexpr const char* kPredecessorVariable = "PORTCULLIS_PREDECESSOR";
constexpr const char* kUmaskVariable = "PORTCULLIS_PREDECESSOR_UMASK";  // its value is decimal

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  out.reserve(words.size() + 1);
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

// The environment of a successor. WATCHDOG_PID, which names this process, is left out; without it the
// watchdog is for the process that is the main one.
std::vector<std::string> environment_with(int descriptor, mode_t umask) {
  std::vector<std::string> out;
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string_view text = *one;
    if (!text.starts_with("WATCHDOG_PID=")) out.emplace_back(text);
  }
  out.push_back(std::string(kPredecessorVariable) + "=" + std::to_string(descriptor));
  out.push_back(std::string(kUmaskVariable) + "=" + std::to_string(umask));
  return out;
}

}  // namespace

Program Program::of_this_process() {
  Program out;
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel passes pointers as numbers there
  const auto* started = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
  std::error_code failed;
  if (started != nullptr) out.path = std::filesystem::absolute(started, failed).string();
  const auto line = read_file("/proc/self/cmdline");
  if (!line) return {};
  for (size_t begin = 0; begin < line->size();) {
    const size_t end = std::min(line->find('\0', begin), line->size());
    out.arguments.push_back(line->substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

Result<pid_t> start_successor(const Program& program, UniqueFd peer, mode_t umask) {
  if (program.path.empty() || program.arguments.empty())
    return Error{"it is not known how this process was started: /proc is missing"};
  std::vector<std::string> arguments = program.arguments;
  std::vector<std::string> environment = environment_with(peer.get(), umask);
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawnattr_init(&attributes);
  // Duplicating the descriptor onto itself keeps it open in the new program.
  ::posix_spawn_file_actions_adddup2(&files, peer.get(), peer.get());
  // The successor starts with no signal blocked or ignored, as from a shell.
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t process = 0;
  const int error = ::posix_spawn(&process, program.path.c_str(), &files, &attributes,
                                  pointers(arguments).data(), pointers(environment).data());
  ::posix_spawn_file_actions_destroy(&files);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) return Error{"cannot start " + program.path + ": " + std::strerror(error)};
  return process;
}

UniqueFd take_predecessor_socket() {
  const char* told = std::getenv(kPredecessorVariable);
  const auto number = told != nullptr ? parse_decimal(told) : std::nullopt;
  ::unsetenv(kPredecessorVariable);
  if (!number || *number > 1 << 30) return {};
  const int descriptor = static_cast<int>(*number);
  int type = 0;
  socklen_t length = sizeof type;
  // The variable may have been set by a user, so the descriptor is checked.
  if (::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_SEQPACKET) return {};
  ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  return UniqueFd(descriptor);
}

std::optional<mode_t> take_predecessor_umask() {
  const char* told = std::getenv(kUmaskVariable);
  const auto number = told != nullptr ? parse_decimal(told) : std::nullopt;
  ::unsetenv(kUmaskVariable);
  if (!number || *number > 0777) return std::nullopt;
  return static_cast<mode_t>(*number);
}

std::string describe_end(int status) {
  if (WIFSIGNALED(status)) return "was ended by signal " + std::to_string(WTERMSIG(status));
  return "ended with exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace portcullis::control

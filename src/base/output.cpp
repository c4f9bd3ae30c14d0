#include "base/output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>

namespace portcullis {

Output Output::of_standard(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || S_ISREG(status.st_mode)) return {descriptor, Kind::kDirect};
  if (S_ISSOCK(status.st_mode)) return {descriptor, Kind::kSocket};
  // O_NONBLOCK belongs to the open file description, which the shell and other processes may share, so the
  // gateway opens a description of its own.
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  UniqueFd own(::open(path.c_str(), O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (own) return {std::move(own), Kind::kDirect};
  return {descriptor, Kind::kAskedBefore};
}

Result<Output> Output::append_to(const std::string& path) {
  constexpr int kFlags = O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  constexpr mode_t kMode = S_IRUSR | S_IWUSR | S_IRGRP;
  UniqueFd file(::open(path.c_str(), O_WRONLY | kFlags, kMode));
  if (!file && errno == ENOENT) {
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
    file.reset(::open(path.c_str(), O_WRONLY | kFlags, kMode));
  }
  // A named pipe without a reader is opened for reading as well: the pipe buffers text until a reader comes.
  if (!file && errno == ENXIO) file.reset(::open(path.c_str(), O_RDWR | kFlags, kMode));
  if (!file) return Error{"cannot open " + path + ": " + std::strerror(errno)};
  return Output(std::move(file), Kind::kDirect);
}

size_t Output::write(std::string_view text, std::chrono::milliseconds patience) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point deadline = Clock::now() + patience;
  size_t taken = 0;
  error_ = 0;
  while (taken < text.size()) {
    const ssize_t count = write_some(text.substr(taken));
    if (count > 0) {
      taken += static_cast<size_t>(count);
      continue;
    }
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno != EAGAIN) {
      error_ = errno;
      break;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0 || !wait_for_room(left)) break;
  }
  return taken;
}

bool Output::is_shared(int descriptor) {
  struct stat status {};
  return ::fstat(descriptor, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

// As many whole lines as a pipe writes atomically (PIPE_BUF, see pipe(7)); of a longer line, its beginning.
size_t Output::piece_of(std::string_view text) {
  if (text.size() <= PIPE_BUF) return text.size();
  const size_t end = text.rfind('\n', PIPE_BUF - 1);
  return end == std::string_view::npos ? PIPE_BUF : end + 1;
}

ssize_t Output::write_some(std::string_view text) const {
  if (shared_) text = text.substr(0, piece_of(text));
  switch (kind_) {
    case Kind::kSocket: return ::send(descriptor_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    case Kind::kAskedBefore:
      if (!wait_for_room(std::chrono::milliseconds(0))) {
        errno = EAGAIN;
        return -1;
      }
      // A pipe that poll() reports as writable has room for PIPE_BUF bytes (pipe(7)), so this write does not
      // block.
      return ::write(descriptor_, text.data(), piece_of(text));
    case Kind::kDirect: break;
  }
  return ::write(descriptor_, text.data(), text.size());
}

bool Output::wait_for_room(std::chrono::milliseconds patience) const {
  pollfd one{descriptor_, POLLOUT, 0};
  return ::poll(&one, 1, static_cast<int>(patience.count())) != 0;
}

}  // namespace portcullis

#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace portcullis {

// Writes text to a descriptor whose reader may be slow or stuck: a pipe, a terminal, a socket or a file. Each
// write has a time limit. Lines of up to PIPE_BUF bytes reach a pipe or a socket whole, even when other
// processes write to the same pipe or socket. One thread at a time.
class Output {
 public:
  // Standard output (1) or standard error (2). Other processes may share the descriptor, so its own flags are
  // not changed.
  static Output of_standard(int descriptor);
  // Opens a file or named pipe for appending. A missing file is created, readable by its user and group;
  // missing parent folders are created.
  static Result<Output> append_to(const std::string& path);

  // Writes `text` until all bytes are written, `patience` has passed, or writing fails. Returns the number of
  // bytes written; error() says whether writing failed.
  size_t write(std::string_view text, std::chrono::milliseconds patience);
  // errno of the last write(). 0 when write() did not fail, even if the reader was too slow to accept any
  // bytes.
  int error() const { return error_; }
  // The descriptor, for signal handlers.
  int descriptor() const { return descriptor_; }

 private:
  enum class Kind {
    kDirect,       // writes never block: a regular file, or a non-blocking description opened by this class
    kSocket,       // each send uses MSG_DONTWAIT
    kAskedBefore,  // a pipe that could not be reopened: poll() is called before each piece
  };
  Output(int descriptor, Kind kind) : descriptor_(descriptor), kind_(kind) {}
  Output(UniqueFd owned, Kind kind) : owned_(std::move(owned)), descriptor_(owned_.get()), kind_(kind) {}

  static bool is_shared(int descriptor);
  static size_t piece_of(std::string_view text);
  ssize_t write_some(std::string_view text) const;
  bool wait_for_room(std::chrono::milliseconds patience) const;

  UniqueFd owned_;
  int descriptor_;
  Kind kind_;
  // A pipe or socket that other processes may write to between two pieces.
  bool shared_ = is_shared(descriptor_);
  int error_ = 0;
};

}  // namespace portcullis

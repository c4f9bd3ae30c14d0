#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace portcullis {

// A descriptor that text is written to and whose reader may be slow or stuck: a pipe, a terminal, a socket, a
// file. A write waits for the reader no longer than it is told. Lines of up to PIPE_BUF bytes reach a pipe
// or a socket whole, although others write to it, too. One thread at a time.
class Output {
 public:
  // Standard output (1) or standard error (2), which other processes may share: the flags of the descriptor
  // itself stay as they are.
  static Output of_standard(int descriptor);
  // A file, or a named pipe, to which text is appended. A file that is not there is made, readable by its
  // user and group; so are the folders that are missing on the way.
  static Result<Output> append_to(const std::string& path);

  // Writes until everything has been taken, `patience` is over, or writing fails. The number of bytes that
  // were taken; error() says whether writing failed.
  size_t write(std::string_view text, std::chrono::milliseconds patience);
  // errno of the last write(); 0 when it did not fail, although the reader may have taken nothing.
  int error() const { return error_; }
  // For signal handlers.
  int descriptor() const { return descriptor_; }

 private:
  enum class Kind {
    kDirect,       // writing does not wait: a file, or a description of our own that does not block
    kSocket,       // each call is told not to wait
    kAskedBefore,  // a pipe that could not be opened again: it is asked for room before each piece
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
  bool shared_ = is_shared(descriptor_);  // a pipe or a socket, where others' lines may come in between
  int error_ = 0;
};

}  // namespace portcullis

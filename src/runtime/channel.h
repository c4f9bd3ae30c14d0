#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>

namespace portcullis {

struct IoResult;

// Carries the bytes of a stream that has no socket of its own, such as one stream of an HTTP/2 connection.
// Owned by its Stream; the channel calls the Stream's signal_readable(), signal_writable() and
// signal_hang_up() when the corresponding operation becomes possible. On the loop's thread.
class Channel {
 public:
  virtual ~Channel() = default;

  // Reads as Stream::try_read does.
  virtual IoResult read(char* data, size_t size) = 0;
  // True when a read would return data, the end of the stream or an error.
  virtual bool may_read() const = 0;
  // True when a write would accept at least some bytes, or would fail. When false, the channel calls
  // Stream::signal_writable() once a write is possible.
  virtual bool may_write() = 0;
  // Accepts as many bytes of `pieces` as there is room for; the error is EAGAIN when bytes remain.
  virtual IoResult write(std::span<iovec>& pieces) = 0;
  // Announces that nothing more will be written.
  virtual void finish() = 0;
  // Ends the channel, before its destructor. With `broken` the peer must not take the bytes received so far
  // for a complete message.
  virtual void close(bool broken) = 0;
};

}  // namespace portcullis

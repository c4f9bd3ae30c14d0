#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>

namespace portcullis {

struct IoResult;

// What carries a stream's bytes where it has no socket of its own: one stream of an HTTP/2 connection. Owned
// by its Stream, whose signal_readable(), signal_writable() and signal_hang_up() it calls when something has
// become possible. On the loop's thread.
class Channel {
 public:
  virtual ~Channel() = default;

  // As Stream::try_read.
  virtual IoResult read(char* data, size_t size) = 0;
  // A read would find something, the end or an error.
  virtual bool may_read() const = 0;
  // A write would be taken now, at least in part, or would fail. When false, the stream is told by
  // signal_writable() when that has changed.
  virtual bool may_write() = 0;
  // Takes from `pieces` what there is room for; EAGAIN when that is not all.
  virtual IoResult write(std::span<iovec>& pieces) = 0;
  // Nothing more will be written.
  virtual void finish() = 0;
  // The end, before the destructor. `broken`: the peer must not take what it has for all there is.
  virtual void close(bool broken) = 0;
};

}  // namespace portcullis

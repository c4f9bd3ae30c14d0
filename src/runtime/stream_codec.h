#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <cstddef>
#include <span>

namespace portcullis {

class Stream;
struct IoResult;

// Takes the first `bytes` away from `pieces`, and what is empty behind them.
inline void drop_front(std::span<iovec>& pieces, size_t bytes) {
  while (!pieces.empty()) {
    iovec& piece = pieces.front();
    const size_t taken = std::min(bytes, piece.iov_len);
    piece.iov_base = static_cast<char*>(piece.iov_base) + taken;
    piece.iov_len -= taken;
    bytes -= taken;
    if (piece.iov_len > 0) return;
    pieces = pieces.subspan(1);
  }
}

// What a stream's bytes become on their way to the socket and back, such as TLS records. Owned by its stream;
// on the loop's thread.
class StreamCodec {
 public:
  virtual ~StreamCodec() = default;

  // As Stream::try_read, of what Stream::read_raw() yields.
  virtual IoResult decode(Stream& stream, char* data, size_t size) = 0;
  // decode() may find something although the socket has nothing new.
  virtual bool holds_input() const = 0;
  // decode() would yield data now. May read from the socket.
  virtual bool has_data(Stream& stream) = 0;
  // Neither side has ended or broken it.
  virtual bool is_sound() const = 0;
  // It has failed, or the connection ended without the peer having said so: nothing can be written any more.
  virtual bool is_broken() const = 0;

  // False: bytes are written as they are, because the kernel does the rest.
  virtual bool encodes() const { return true; }
  // Takes from `pieces` what there is room for, and adds it to the output. False when no more can be sent.
  virtual bool encode(std::span<iovec>& pieces) = 0;
  // What waits to be sent; stays in place until sent() takes it away.
  virtual std::span<const char> output() const = 0;
  virtual void sent(size_t bytes) = 0;
  // Adds to the output that nothing more follows.
  virtual void finish() = 0;
};

}  // namespace portcullis

#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <cstddef>
#include <span>

namespace portcullis {

class Stream;
struct IoResult;

// Removes the first `bytes` bytes from `pieces`, and empty pieces behind them.
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

// Transforms a stream's bytes on their way to and from the socket, such as into TLS records. Owned by its
// stream; on the loop's thread.
class StreamCodec {
 public:
  virtual ~StreamCodec() = default;

  // Reads as Stream::try_read does, and decodes bytes from Stream::read_raw().
  virtual IoResult decode(Stream& stream, char* data, size_t size) = 0;
  // True when decode() may return data although the socket has nothing new.
  virtual bool holds_input() const = 0;
  // True when decode() would return data now. May read from the socket.
  virtual bool has_data(Stream& stream) = 0;
  // True while neither side has ended or broken the encoded connection.
  virtual bool is_sound() const = 0;
  // True when encoding failed, or the connection ended without a closing message of the peer: writing is no
  // longer possible.
  virtual bool is_broken() const = 0;

  // False when bytes are written unchanged, because the kernel encrypts them.
  virtual bool encodes() const { return true; }
  // Encodes as many bytes of `pieces` as fit into the output. False when no more can be sent.
  virtual bool encode(std::span<iovec>& pieces) = 0;
  // The encoded bytes to send. They stay in place until sent() removes them.
  virtual std::span<const char> output() const = 0;
  virtual void sent(size_t bytes) = 0;
  // Adds a closing message to the output.
  virtual void finish() = 0;
};

}  // namespace portcullis

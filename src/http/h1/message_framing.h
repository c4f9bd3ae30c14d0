#pragma once

#include <array>
#include <string_view>

#include "http/gather.h"
#include "http/head_writer.h"
#include "http/message.h"
#include "http/message_stream.h"

namespace portcullis::http::h1 {

// Frames a body for HTTP/1: behind the head, unchanged or in chunks (RFC 9112 sections 6 and 7).
class MessageFraming {
 public:
  // Takes the head, which is sent with the first bytes of the body.
  void begin(HeadWriter head, BodyKind body) {
    head_ = std::move(head);
    has_head_ = true;
    body_ = body;
  }
  BodyKind body() const { return body_; }
  // True until frame() has taken the head.
  bool holds_head() const { return has_head_; }
  // See MessageStream::frame().
  void frame(Gather& runs, size_t size, bool last, std::string_view trailers);
  // Releases the head after it was sent; see MessageStream::written().
  void written() {
    if (!has_head_) head_ = HeadWriter();
  }

 private:
  HeadWriter head_;
  BodyKind body_ = BodyKind::kNone;
  bool has_head_ = false;
  std::array<char, 20> size_line_;
};

// The base class of both message streams of HTTP/1. `Side` is ServerStream or ClientStream.
template <typename Side>
class FramedStream : public Side {
 public:
  using Side::Side;

 protected:
  bool sends_bytes_alone() const final { return framing_.body() == BodyKind::kLength; }
  void frame(Gather& runs, size_t size, bool last, std::string_view trailers) final {
    framing_.frame(runs, size, last, trailers);
  }
  void written() final { framing_.written(); }

  MessageFraming framing_;
};

// The pieces of a whole message, for one write: a small body is copied behind its head, because that costs
// less than to gather. `pieces` has room for two. copied_size() is the size of what is copied of `body`.
size_t copied_size(std::string_view body);
std::span<iovec> gather_whole(HeadWriter& head, std::string_view body, std::span<iovec, 2> pieces);

// Writes the Upgrade fields of a head.
void write_upgrade(HeadWriter& out, const Fields& fields);

}  // namespace portcullis::http::h1

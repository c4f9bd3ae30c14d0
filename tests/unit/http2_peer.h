#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/h2/field_block.h"
#include "http/h2/session.h"
#include "memory_channel.h"

namespace portcullis {

// The peer of a connection of the gateway that speaks HTTP/2, in memory: a client or a target. It has one
// stream, with the id 1.
class Http2Peer {
 public:
  using Session = http::h2::Session;

  // `gateway` is the other end of the gateway's stream.
  Http2Peer(EventLoop& loop, std::shared_ptr<MemoryEnd> gateway, Session::Side side,
            const http::h2::SessionSettings& settings)
      : gateway_(std::move(gateway)), socket_(loop) {
    own_ = MemoryEnd::join(socket_);
    session_ = std::make_unique<Session>(socket_, side, settings);
  }
  ~Http2Peer() { stream_.reset(); }

  // Moves what both sides have written, and takes what has come.
  void carry() {
    session_->send_now();
    if (!own_->received.empty()) gateway_->send(std::exchange(own_->received, {}));
    if (!gateway_->received.empty() && !is_gone_)
      is_gone_ = !session_->receive(std::exchange(gateway_->received, {}));
    if (!stream_) stream_ = session_->take_request();
    if (stream_) take();
  }

  // A client's request, or a target's response: its head, and its end unless a body follows.
  using FieldList = std::vector<std::pair<std::string_view, std::string_view>>;
  void send_head(const FieldList& fields, bool ends_message) {
    http::h2::FieldBlock block;
    for (const auto& [name, value] : fields) block.field(name, value);
    if (!stream_) stream_ = session_->open();
    EXPECT_TRUE(stream_->send_head(block, ends_message));
    carry();
  }
  void send_body(std::string_view bytes) {
    iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    std::span<iovec> pieces(&piece, 1);
    EXPECT_EQ(stream_->write(pieces).error, 0);
    carry();
  }
  // Ends this side of the stream.
  void finish() {
    stream_->finish();
    carry();
  }
  // Resets the stream with an error code of RFC 9113 section 7.
  void reset_stream(uint32_t error) { send_frame(kRstStream, 1, number(error)); }
  // Ends the connection after the stream `last` (RFC 9113 section 6.8).
  void go_away(uint32_t last) { send_frame(kGoaway, 0, number(last) + number(0)); }

  // Whether the stream has been opened.
  bool has_stream() const { return stream_ != nullptr; }
  // Whether the gateway has reset the stream, or the connection has gone before both messages were complete.
  bool is_broken() const { return stream_ != nullptr && stream_->is_broken(); }
  bool saw_end() const { return stream_ != nullptr && stream_->at_end(); }
  // What came on the stream: for each head the method or the status, and behind it the body.
  std::string received{};
  // When false, what has come of a body stays unread, and the window is not opened again.
  bool reads = true;

 private:
  static constexpr char kRstStream = 3, kGoaway = 7;
  static std::string number(uint32_t value) {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
    return out;
  }
  // The frame goes past the session, which may have no reason to send it.
  void send_frame(char type, uint32_t stream, const std::string& payload) {
    carry();
    const std::string size = number(static_cast<uint32_t>(payload.size()));
    gateway_->send(size.substr(1) + type + '\0' + number(stream) + payload);
  }
  void take() {
    while (stream_->has_head()) {
      const std::unique_ptr<http::h2::Head> head = stream_->take_head();
      received +=
          "HTTP/2 " + (head->status == 0 ? std::string(head->method) : std::to_string(head->status)) + " ";
    }
    char some[1024];
    while (reads) {
      const IoResult got = stream_->read(some, sizeof some);
      if (!got.ok() || got.bytes == 0) return;
      received.append(some, got.bytes);
    }
  }

  std::shared_ptr<MemoryEnd> gateway_;
  Stream socket_;
  std::shared_ptr<MemoryEnd> own_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<http::h2::Channel> stream_;
  bool is_gone_ = false;
};

}  // namespace portcullis

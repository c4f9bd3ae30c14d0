#pragma once

#include <optional>

#include "http/h1/message_framing.h"
#include "http/message_stream.h"
#include "runtime/frame_pool.h"

namespace portcullis::http::h1 {

// An HTTP/1 request to a target and its response (RFC 9112).
class ClientMessageStream final : public FramedStream<ClientStream>, public Pooled {
 public:
  ClientMessageStream(Stream& bytes, const HeadLimits& limits) : FramedStream(bytes, limits) {}

  Task<IoResult> begin(const RequestToSend& request, Milliseconds timeout) override;
  Task<IoResult> send_whole(const RequestToSend& request, std::string_view body,
                            Milliseconds timeout) override;
  bool holds_head() const override { return framing_.holds_head(); }
  HeadState next_head(std::string_view method, ResponseHead& out) override;
  void receive(size_t block_size) override;
  size_t head_size() const override { return head_size_; }
  std::string_view received() const override { return input_.content(); }
  InputBuffer take_input() override { return std::exchange(input_, {}); }

 private:
  InputBuffer input_;
  std::optional<ResponseParser> parser_;  // the parser of the head that is being read
  size_t head_size_ = 0;
  bool ended_ = false;
};

}  // namespace portcullis::http::h1

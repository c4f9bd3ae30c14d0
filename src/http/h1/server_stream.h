#pragma once

#include "base/block_pool.h"
#include "http/h1/message_framing.h"
#include "http/message_stream.h"

namespace portcullis::http::h1 {

// An HTTP/1 request and its response (RFC 9112). Until the end of its exchange nothing else uses the
// connection.
class ServerMessageStream final : public FramedStream<ServerStream> {
 public:
  // `input` is the connection's buffer of received bytes that belong to no exchange yet.
  ServerMessageStream(Stream& bytes, InputBuffer& input, const Settings& settings)
      : FramedStream(bytes, settings), input_(input) {}

  Task<HeadState> read_head(RequestHead& out, Arena& arena) override;
  size_t head_size() const override { return head_size_; }
  std::string_view received() const override { return input_.content().substr(head_size_); }
  std::string_view behind(const BodyFraming& body) const override;
  void keep(std::string_view rest) override;

  BodyKind kind_of_body(const ResponseHead& response) const override;
  Task<IoResult> send_continue() override;
  Task<IoResult> send_interim(const ResponseToSend& response) override;
  Task<IoResult> send_whole(const ResponseToSend& response, std::string_view body) override;
  void begin(const ResponseToSend& response) override;
  void leave() override { bytes().close(); }

 private:
  void write_head(HeadWriter& out, const ResponseToSend& response) const;

  InputBuffer& input_;
  Version version_ = Version::kHttp11;  // of the request
  size_t head_size_ = 0;
  Block spent_;  // the memory of the head, after the connection's input has moved to another block
};

}  // namespace portcullis::http::h1

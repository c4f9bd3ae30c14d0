#pragma once

#include "http/h2/channel_stream.h"

namespace portcullis::http::h2 {

// An HTTP/2 request and its response: one stream of a connection (RFC 9113).
class ServerMessageStream final : public ChannelStream<ServerStream> {
 public:
  using ChannelStream::ChannelStream;

  Task<HeadState> read_head(RequestHead& out, Arena& arena) override;
  Task<IoResult> send_continue() override;
  Task<IoResult> send_interim(const ResponseToSend& response) override;
  void translate_upgrade(ResponseHead& head) override;
  Task<IoResult> send_whole(const ResponseToSend& response, std::string_view body) override;
  void begin(const ResponseToSend& response) override { response_ = &response; }

  bool head_is_ready() const override { return response_ == nullptr; }
  Task<IoResult> send_ready_head() override;

 private:
  bool write_head(const ResponseToSend& response, bool ends_message);
  Task<IoResult> send_head(const ResponseToSend& response, bool ends_message);

  const ResponseToSend* response_ = nullptr;  // the response whose head must still be sent; null otherwise
};

}  // namespace portcullis::http::h2

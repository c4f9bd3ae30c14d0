#pragma once

#include "http/h2/channel.h"
#include "http/message_stream.h"

namespace portcullis::http::h2 {

// A request of HTTP/2 and the response to it: one stream of a connection (RFC 9113).
class ServerMessageStream final : public ServerStream {
 public:
  // `channel` is that of `bytes`, which owns it.
  ServerMessageStream(Stream& bytes, Channel& channel, const Settings& settings)
      : ServerStream(bytes, settings), channel_(channel) {}

  Task<HeadState> read_head(RequestHead& out, Arena& arena) override;
  Task<IoResult> send_continue() override;
  Task<IoResult> send_interim(const ResponseToSend& response) override;
  void translate_upgrade(ResponseHead& head) override;
  Task<IoResult> send_whole(const ResponseToSend& response, std::string_view body) override;
  void begin(const ResponseToSend& response) override { response_ = &response; }

  bool body_ended() const override { return channel_.at_end(); }
  bool buffers_body() const override { return true; }
  std::string_view trailers() const override { return channel_.trailers(); }
  Breach breach() const override;

  bool head_is_ready() const override { return response_ == nullptr; }
  Task<IoResult> send_ready_head() override;
  bool takes_trailers() const override { return true; }
  bool sends_bytes_alone() const override { return false; }
  bool writes_end() const override { return true; }
  size_t room() const override { return channel_.room(); }
  void frame(Gather& runs, size_t size, bool last, std::string_view trailers) override;

 private:
  bool write_head(const ResponseToSend& response, bool ends_message);
  Task<IoResult> send_head(const ResponseToSend& response, bool ends_message);

  Channel& channel_;
  const ResponseToSend* response_ = nullptr;  // whose head is still to be sent
};

}  // namespace portcullis::http::h2

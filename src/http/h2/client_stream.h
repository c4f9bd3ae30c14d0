#pragma once

#include <string>

#include "http/h2/channel_stream.h"
#include "runtime/frame_pool.h"

namespace portcullis::http::h2 {

// An HTTP/2 request to a target and its response: one stream of a connection (RFC 9113). A request for an
// upgrade to a WebSocket is sent as an extended CONNECT if the target supports that (RFC 8441), and the
// target's acceptance is read as a 101 (Switching Protocols).
class ClientMessageStream final : public ChannelStream<ClientStream>, public Pooled {
 public:
  using ChannelStream::ChannelStream;

  Task<IoResult> begin(const RequestToSend& request, Milliseconds timeout) override;
  Task<IoResult> send_whole(const RequestToSend& request, std::string_view body,
                            Milliseconds timeout) override;
  HeadState next_head(std::string_view method, ResponseHead& out) override;
  void receive(size_t) override {}

 private:
  Task<IoResult> send_head(const RequestToSend& request, bool ends_message, Milliseconds timeout);
  bool write_head(const RequestToSend& request, bool ends_message);
  void read_as_switch(ResponseHead& out);

  bool is_tunnel_ = false;     // the request is an extended CONNECT
  std::string websocket_key_;  // Sec-WebSocket-Key of a client that speaks HTTP/1
  std::string websocket_proof_;
};

}  // namespace portcullis::http::h2

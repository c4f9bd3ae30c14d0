#pragma once

#include <memory>
#include <utility>

#include "http/h1/client_stream.h"
#include "http/h1/server_stream.h"
#include "http/h2/client_stream.h"
#include "http/h2/server_stream.h"
#include "http/h2/session.h"
#include "memory_channel.h"

namespace portcullis::http {

// A connection between a client and a server. carry() moves the bytes that each side has written to the
// other.
class Joined {
 public:
  virtual ~Joined() = default;
  virtual ClientStream& client() = 0;
  // The server's stream; null until the request has come as far as the version needs it.
  virtual ServerStream* server() = 0;
  virtual void carry() = 0;

 protected:
  const h1::HeadLimits limits_{};
  const ServerStream::Settings settings_{limits_, Milliseconds(10'000), Milliseconds(10'000)};
};

class JoinedByHttp1 final : public Joined {
 public:
  explicit JoinedByHttp1(EventLoop& loop) : near_(loop), far_(loop) {
    near_end_ = MemoryEnd::join(near_);
    far_end_ = MemoryEnd::join(far_);
    input_.block = Block::take(Block::kMedium);
  }
  ClientStream& client() override { return client_; }
  ServerStream* server() override { return &server_; }
  void carry() override {
    if (!near_end_->received.empty()) far_end_->send(std::exchange(near_end_->received, {}));
    if (!far_end_->received.empty()) near_end_->send(std::exchange(far_end_->received, {}));
  }

 private:
  Stream near_, far_;
  std::shared_ptr<MemoryEnd> near_end_, far_end_;
  InputBuffer input_;
  h1::ClientMessageStream client_{near_, limits_};
  h1::ServerMessageStream server_{far_, input_, settings_};
};

class JoinedByHttp2 final : public Joined {
 public:
  explicit JoinedByHttp2(EventLoop& loop) : near_socket_(loop), far_socket_(loop), near_(loop), far_(loop) {
    near_end_ = MemoryEnd::join(near_socket_);
    far_end_ = MemoryEnd::join(far_socket_);
    near_session_ =
        std::make_unique<h2::Session>(near_socket_, h2::Session::Side::kClient, h2::SessionSettings{});
    far_session_ =
        std::make_unique<h2::Session>(far_socket_, h2::Session::Side::kServer, h2::SessionSettings{});
    std::unique_ptr<h2::Channel> channel = near_session_->open();
    client_ = std::make_unique<h2::ClientMessageStream>(near_, *channel, limits_);
    channel->attach(near_);
    near_.set_channel(std::move(channel));
  }
  ClientStream& client() override { return *client_; }
  ServerStream* server() override { return server_.get(); }
  void carry() override {
    near_session_->send_now();
    far_session_->send_now();
    if (!near_end_->received.empty()) far_session_->receive(std::exchange(near_end_->received, {}));
    if (!far_end_->received.empty()) near_session_->receive(std::exchange(far_end_->received, {}));
    if (server_) return;
    std::unique_ptr<h2::Channel> channel = far_session_->take_request();
    if (!channel) return;
    server_ = std::make_unique<h2::ServerMessageStream>(far_, *channel, settings_);
    channel->attach(far_);
    far_.set_channel(std::move(channel));
  }

 private:
  Stream near_socket_, far_socket_;
  std::shared_ptr<MemoryEnd> near_end_, far_end_;
  std::unique_ptr<h2::Session> near_session_, far_session_;
  Stream near_, far_;
  std::unique_ptr<ClientStream> client_;
  std::unique_ptr<ServerStream> server_;
};

}  // namespace portcullis::http

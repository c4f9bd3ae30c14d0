#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/message.h"
#include "policy/held_body.h"
#include "proxy/client.h"
#include "proxy/message_body.h"

namespace portcullis::proxy {

// A request's body that has been received whole before it is forwarded, because a policy wanted to see it.
// From then on the request has a body of known length; trailers are dropped.
class HeldBody final : public policy::BodyHolder {
 public:
  // What both refer to outlives this.
  HeldBody(Client client, http::RequestHead& request) : client_(client), request_(request) {}

  Task<policy::BodyState> hold(size_t limit) override;
  std::string_view content() const override { return content_; }
  void replace(std::string content) override;

  bool held() const { return held_; }
  // What the client has sent beyond the body.
  std::string_view rest() const { return body_->rest(); }

 private:
  void frame();

  Client client_;
  http::RequestHead& request_;
  bool held_ = false;
  std::unique_ptr<MessageBody> body_;  // while it is received, and then for what is behind it
  std::string content_;                // on the heap: a policy that asks for it does costlier things with it
};

}  // namespace portcullis::proxy

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/message.h"
#include "http/message_body.h"
#include "policy/held_body.h"
#include "policy/request_stages.h"
#include "proxy/client.h"

namespace portcullis::proxy {

// A request's body that has been received whole before it is forwarded, because a policy wanted to see it.
// From then on the request has a body of known length; trailers are dropped.
class HeldBody final : public policy::BodyHolder {
 public:
  // All references outlive this object. The body passes `stages` before it is held, and when it is held once
  // more.
  HeldBody(Client client, http::RequestHead& request, policy::RequestStages& stages)
      : client_(client), request_(request), stages_(stages) {}

  Task<policy::BodyState> hold(size_t limit) override;
  std::string_view content() const override { return content_; }
  const policy::EndReason* refusal() const override { return refusal_; }
  void replace(std::string content) override;

  bool held() const { return held_; }
  // What the client has sent beyond the body.
  std::string_view rest() const { return from_client_->rest(); }

 private:
  std::unique_ptr<http::BodySource> behind_stages(std::unique_ptr<http::BodySource> body, size_t limit) const;
  Task<policy::BodyState> collect(http::BodySource& body, size_t limit);
  void frame();

  Client client_;
  http::RequestHead& request_;
  policy::RequestStages& stages_;
  bool held_ = false;
  std::unique_ptr<http::BodySource> body_;    // while it is received, and then for what is behind it
  http::MessageBody* from_client_ = nullptr;  // a part of `body_`
  const policy::EndReason* refusal_ = nullptr;
  std::string content_;  // on the heap: a policy that asks for it does costlier things with it
};

}  // namespace portcullis::proxy

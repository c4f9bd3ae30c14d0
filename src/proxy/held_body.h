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

// A request's body that is received whole before it is forwarded, because a policy needs it or because the
// request may be sent more than once. The request then has a body of known length; its trailers are dropped.
class HeldBody final : public policy::BodyHolder {
 public:
  // All references outlive this object. Each hold() passes the body through the stages that are in `stages`.
  HeldBody(Client client, http::RequestHead& request, policy::RequestStages& stages)
      : client_(client), request_(request), stages_(stages) {}

  Task<policy::BodyState> hold(size_t limit) override;
  std::string_view content() const override { return content_; }
  const policy::EndReason* refusal() const override { return refusal_; }
  void replace(std::string content) override;
  // The request has the body `content`, which does not come from the client.
  void hold_text(std::string content);

  bool held() const { return held_; }
  // The bytes that the client has sent behind the body.
  std::string_view rest() const {
    return from_client_ != nullptr ? from_client_->rest() : std::string_view();
  }

 private:
  std::unique_ptr<http::BodySource> behind_stages(std::unique_ptr<http::BodySource> body, size_t limit) const;
  Task<policy::BodyState> collect(http::BodySource& body, size_t limit);
  void frame();

  Client client_;
  http::RequestHead& request_;
  policy::RequestStages& stages_;
  bool held_ = false;
  std::unique_ptr<http::BodySource> body_;    // kept after the end of the body, because rest() needs it
  http::MessageBody* from_client_ = nullptr;  // a part of `body_`
  const policy::EndReason* refusal_ = nullptr;
  // On the heap, because the work of a policy with the body costs more than an allocation.
  std::string content_;
};

}  // namespace portcullis::proxy

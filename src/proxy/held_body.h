#pragma once

#include <string>
#include <string_view>

#include "http/message.h"
#include "policy/held_body.h"
#include "proxy/client.h"

namespace portcullis::proxy {

// A request's body that has been received whole before it is forwarded, because a policy wanted to see it.
// From then on the request has a body of known length; trailers are dropped.
class HeldBody final : public policy::BodyHolder {
 public:
  // What both refer to outlives this.
  HeldBody(Client client, http::RequestHead& request) : client_(client), request_(request) {}

  // Where the body begins in the client's input.
  void begin_at(size_t head_size) { head_size_ = head_size; }

  Task<policy::BodyState> hold(size_t limit) override;
  std::string_view content() const override { return content_; }
  void replace(std::string content) override;

  bool held() const { return held_; }
  // What the client has sent beyond the body.
  std::string_view rest() const { return rest_; }

 private:
  Task<bool> tell_to_continue();
  void frame();

  Client client_;
  http::RequestHead& request_;
  size_t head_size_ = 0;
  bool held_ = false;
  InputBuffer more_;
  std::string content_;  // on the heap: a policy that asks for it does costlier things with it
  std::string_view rest_;
};

}  // namespace portcullis::proxy

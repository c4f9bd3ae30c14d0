#pragma once

#include "policy/response_body.h"
#include "proxy/attempt.h"

namespace portcullis::proxy {

// Releases the body of a target's response from its exchange, for a policy that reads the body when the
// exchange has ended. A part of the exchange.
class DetachesBody final : public policy::ResponseBody::Owner {
 public:
  // `from_target` is the body as it is received. `keep_alive`: the target's connection can be used again when
  // the body has been read. All references outlive this object, except that `from_target` must live only
  // until the body has been released.
  DetachesBody(ExchangeState& state, Attempt& attempt, const http::MessageBody& from_target, bool keep_alive)
      : state_(state), attempt_(attempt), from_target_(from_target), keep_alive_(keep_alive) {}

  // Releases `body` together with the connection of the attempt. The connection goes back to the pool when
  // the body has been read.

  std::unique_ptr<http::BodySource> release(std::unique_ptr<http::BodySource> body) override;
  Milliseconds timeout() const override { return attempt_.target().upstream().timeouts.response; }

 private:
  ExchangeState& state_;
  Attempt& attempt_;
  const http::MessageBody& from_target_;
  bool keep_alive_;
};

}  // namespace portcullis::proxy

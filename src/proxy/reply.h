#pragma once

#include <array>
#include <string_view>

#include "http/relay.h"
#include "proxy/exchange_state.h"
#include "proxy/policy_chain.h"

namespace portcullis::proxy {

using telemetry::EndReason;
using telemetry::kEnds;

// The response that a client gets: from a target, the cache, a policy, or the gateway itself. The head of the
// response is ExchangeState::response. The policies see each response before it is sent.
class Reply {
 public:
  // Both references outlive this object.
  Reply(ExchangeState& state, PolicyChain& chain) : state_(state), chain_(chain) {}

  // Refuses the request with the status of `reason`: as problem details (RFC 9457) or as a rule of `errors`
  // says, or as a gRPC status for a gRPC client.
  Task<void> refuse(const EndReason& reason);
  // Refuses the request with `status`. The log gets `reason`; the client gets the name of `told`, which may
  // be less precise.
  Task<void> refuse_with(uint16_t status, const EndReason& reason, const EndReason& told);
  // Refuses the request as a policy has decided, with the response fields that the policy has set.
  Task<void> refuse(const policy::Decision& decision);
  // Refuses the request because the gateway is overloaded, and asks the client to retry after a second.
  Task<void> shed();
  // Sends an answer that needs no route.
  Task<void> answer_itself(OwnAnswer answer);
  // Sends the answer of a policy, after the other policies have seen it.
  Task<void> answer(const policy::Decision& decision);
  // Sends the response with Context::response_body. The policies must have seen the response.
  Task<void> serve();
  // Sends the response that a policy has put in the place of the response it has seen: a refusal, or another
  // response. Before that, the policies that have not seen a response yet see the new one.
  Task<void> answer_in_place(const policy::Decision& decision);

  // Sends an interim response of a target.
  Task<IoResult> send_interim();
  // Tells the client that the target has switched protocols.
  Task<IoResult> switch_protocols();
  // Sends a target's response. The policies must have seen it. `head_size` is the approximate size of the
  // head in bytes.
  Task<http::RelayResult> send(http::BodySource& body, size_t head_size);
  // Records how the sending of the response has ended. When the source of the body has failed, the client's
  // connection or stream is reset, so that even an HTTP/1.0 client notices that the body is incomplete. `why`
  // is the reason for such a failure.
  void conclude(const http::RelayResult& sent, const EndReason& why);
  // Drops the response, because its body has failed before any byte of the response was sent. The client can
  // then get another response.
  [[gnu::cold]] void take_back();

  // True when the sending of the final response has begun.
  bool begun() const { return state_.record.status != 0; }
  // Closes the client's connection after this exchange.
  void close_after() { closes_ = true; }
  bool closes() const { return closes_ || !state_.request.head.keep_alive; }
  // Sets the value of a Set-Cookie field that the gateway adds. kTarget: the cookie that names the client's
  // target; kPlace: the cookie with the client's place in a split. With an empty value no field is sent.
  enum class Cookie : uint8_t { kTarget, kPlace };
  void set_cookie(Cookie which, std::string_view value) { cookies_[static_cast<size_t>(which)] = value; }

 private:
  void begin();
  // Sends the response with `body`, after the policies have seen it.
  Task<void> answer(std::string_view body);
  // Sends the response with Context::response_body, after the policies have seen it.
  Task<void> answer_with_body();
  Task<void> send_problem(uint16_t status, std::string_view detail);
  const ErrorRule* rule_for(uint16_t status);
  std::string_view problem_details(uint16_t status, std::string_view detail) const;
  // Fills the head of the response to an error as `rule` says, and returns its body.
  std::string_view shape(const ErrorRule& rule, uint16_t status, std::string_view detail);
  Task<void> redirect_to_https();
  Task<bool> settle(policy::Decision decision);
  std::string_view grpc_type() const;
  void write_fields(http::HeadWriter& out, http::BodyKind kind) const;
  http::ResponseToSend to_send(http::BodyKind kind, FunctionRef<void(http::HeadWriter&)> fields,
                               size_t expected_size = 1024) const;
  [[gnu::cold]] void leave();

  ExchangeState& state_;
  PolicyChain& chain_;
  bool closes_ = false;
  std::array<std::string_view, 2> cookies_{};  // indexed by Cookie
};

// The reason for the failure of a response's body. `message` is the stream from which the body came; null for
// a body that no target's stream brings. `upload` is the result of sending the request's body.
[[gnu::cold]] const EndReason& reason_of_broken_body(const http::BodyFailure& failure,
                                                     const http::MessageStream* message,
                                                     const http::RelayResult& upload);

}  // namespace portcullis::proxy

#pragma once

#include <array>
#include <string_view>

#include "proxy/exchange_state.h"
#include "proxy/policy_chain.h"
#include "proxy/relay.h"

namespace portcullis::proxy {

using telemetry::EndReason;
using telemetry::kEnds;

// The response that a client gets: a target's, one from the cache, a policy's, or the gateway's own. Its head
// is ExchangeState::response. The policies see each response before it is sent.
class Reply {
 public:
  // Both outlive this.
  Reply(ExchangeState& state, PolicyChain& chain) : state_(state), chain_(chain) {}

  // Refuses the request for `reason`, with the reason's status, as problem details (RFC 9457), or as gRPC
  // says it where the client reads that.
  Task<void> refuse(const EndReason& reason);
  // The same where the client learns less than the log does: `told` is the class of the fault only.
  Task<void> refuse_with(uint16_t status, const EndReason& reason, const EndReason& told);
  // The same for a policy, with the fields that the policy has set.
  Task<void> refuse(const policy::Decision& decision);
  // Refuses for a moment, because the gateway is overloaded.
  Task<void> shed();
  // What needs no route.
  Task<void> answer_itself(OwnAnswer answer);
  // Sends the response with `body`, after the policies have seen it.
  Task<void> answer(std::string_view body);
  // Sends the response with Context::response_body, after the policies have seen it.
  Task<void> answer_with_body();
  // The same when the policies have seen it.
  Task<void> serve();
  // A policy that has seen the response refuses it, or puts another response in its place: sends that one,
  // which the policies see that have not seen a response yet.
  Task<void> answer_in_place(const policy::Decision& decision);

  // Sends an interim response of a target.
  Task<IoResult> send_interim();
  // Tells the client that the target has switched protocols.
  Task<IoResult> switch_protocols();
  // Sends a target's response, which the policies have seen. `head_size`: of its head in bytes, roughly.
  Task<RelayResult> send(http::BodySource& body, size_t head_size);
  // How the response has ended. When its body has broken off, the client must not take it for a whole one: a
  // reset says so even to HTTP/1.0. `why`: where the body has broken off.
  void conclude(const RelayResult& sent, const EndReason& why);
  // The body has failed before anything of the response was sent: the client gets a whole answer of another
  // kind.
  [[gnu::cold]] void take_back();

  // Bytes of the final response have been sent, or are about to be.
  bool begun() const { return state_.record.status != 0; }
  // The client's connection ends with this exchange.
  void close_after() { closes_ = true; }
  bool closes() const { return closes_ || !state_.request.head.keep_alive; }
  // The value of a Set-Cookie field of the gateway's own: of the cookie that names a target, or the place in
  // a split. Empty: the field is not sent.
  enum class Cookie : uint8_t { kTarget, kPlace };
  void set_cookie(Cookie which, std::string_view value) { cookies_[static_cast<size_t>(which)] = value; }

 private:
  void begin();
  Task<void> send_problem(uint16_t status, std::string_view detail);
  Task<void> redirect_to_https();
  Task<bool> settle(policy::Decision decision);
  std::string_view grpc_type() const;
  void write_fields(http::HeadWriter& out, http::BodyKind kind) const;
  http::Persistence persistence() const;
  http::BodyKind kind_of_body() const;
  http::ResponseToSend to_send(http::BodyKind kind, FunctionRef<void(http::HeadWriter&)> fields,
                               size_t expected_size = 1024) const;
  [[gnu::cold]] void leave();

  ExchangeState& state_;
  PolicyChain& chain_;
  bool closes_ = false;
  std::array<std::string_view, 2> cookies_{};  // by Cookie
};

// Why the body of a response has broken off. `message`: by which it came; null: from the cache. `upload`: of
// the request's body.
[[gnu::cold]] const EndReason& reason_of_broken_body(const http::BodyFailure& failure,
                                                     const http::MessageStream* message,
                                                     const RelayResult& upload);

}  // namespace portcullis::proxy

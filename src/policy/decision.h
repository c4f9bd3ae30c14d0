#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "policy/reasons.h"
#include "runtime/task.h"

namespace portcullis::policy {

// The decision of a policy about a request, or about the response.
struct Decision {
  enum class Kind : uint8_t { kContinue, kAnswer, kRefuse, kSuspend, kBroken, kUnknown };

  // The request goes on to the next policy, or to the upstream; the response goes on towards the client.
  static Decision proceed() { return {}; }
  // Sends Context::response, whose status and fields the policy has set, with `body`. About a response: in
  // its place. `body` must outlive the exchange, so it must not be ResponseBody::text().
  static Decision answer(std::string_view body, const EndReason& reason = kEnds.answered_by_policy) {
    return {Kind::kAnswer, 0, body, &reason, {}};
  }
  // As answer() above, with the body that the policy has put into Context::response_body. The policy has
  // described the body in the head (set_length()).
  static Decision answer(const EndReason& reason) { return {Kind::kAnswer, 0, std::nullopt, &reason, {}}; }
  // Sends problem details with the reason's status, and with the fields that the policy has added to
  // Context::response before there was a response; a response of a target is dropped with its fields. The
  // detail is the reason's name, or `detail` when the client must not learn the reason. `detail` must outlive
  // the exchange.
  static Decision refuse(const EndReason& reason, std::string_view detail = {}) {
    return refuse_with(reason.status, reason, detail);
  }
  // As refuse(), with another status.
  static Decision refuse_with(uint16_t status, const EndReason& reason, std::string_view detail = {}) {
    return {Kind::kRefuse, status, detail.empty() ? reason.name : detail, &reason, {}};
  }
  // Only about a response: its body has broken off while the policy waited for it, as
  // ResponseBody::failure() says.
  static Decision broken() { return {Kind::kBroken, 0, {}, nullptr, {}}; }
  // Only for Purpose::kExplainOffline: the decision depends on data that this process does not have.
  static Decision unknown() { return {Kind::kUnknown, 0, {}, nullptr, {}}; }
  // Suspends the exchange until `task` has decided; that decision may suspend the exchange again. When the
  // client leaves meanwhile, or the worker stops, or the time for the response is over, the frame of the task
  // is destroyed, and on_end runs as at any other end.
  static Decision suspend(Task<Decision> task) { return {Kind::kSuspend, 0, {}, nullptr, std::move(task)}; }

  Kind kind = Kind::kContinue;
  uint16_t status = 0;
  // The body of an answer, unless it is in Context::response_body; or the detail of a refusal.
  std::optional<std::string_view> text{};
  const EndReason* reason = nullptr;  // the reason of an answer or a refusal; null otherwise
  Task<Decision> later{};
};

}  // namespace portcullis::policy

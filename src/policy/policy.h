#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "config/policy_type.h"
#include "http/message.h"
#include "routing/rewrite.h"
#include "runtime/event_loop.h"
#include "runtime/task.h"

namespace portcullis::policy {

// What a policy sees and may change of one exchange. Views live as long as the exchange; what a policy adds
// to a head must too, so it comes from `arena` or from the policy itself.
struct Context {
  EventLoop& loop;
  Arena& arena;
  http::RequestHead& request;    // changes reach the target
  http::ResponseHead& response;  // filled before on_response, and by a policy that answers
  std::string_view client_address{};
  std::string_view scheme{"http"};
  std::string_view host{};  // lower case, without port
  std::string_view path{};  // canonical, as matched
  std::string_view route{};
  const routing::PathParameters* parameters = nullptr;  // of the route; their values are in `path`
  std::string_view request_id{};
  uint64_t body_limit = 0;  // most bytes of request body; 0: no limit
};

// What a policy decided about a request.
struct Decision {
  enum class Kind : uint8_t { kContinue, kAnswer, kRefuse, kSuspend };

  // On to the next policy, or the upstream.
  static Decision proceed() { return {}; }
  // Send Context::response, whose status and fields the policy has set, with `body`.
  static Decision answer(std::string_view body) { return {Kind::kAnswer, 0, body, {}}; }
  // Send problem details; `detail` names the reason, also in the log. Views must outlive the exchange.
  static Decision refuse(uint16_t status, std::string_view detail) {
    return {Kind::kRefuse, status, detail, {}};
  }
  // Decide later: the exchange awaits `task`, which may itself decide to suspend. A client that leaves
  // meanwhile is noticed afterwards; when the worker stops, the frame is destroyed.
  static Decision suspend(Task<Decision> task) { return {Kind::kSuspend, 0, {}, std::move(task)}; }

  Kind kind = Kind::kContinue;
  uint16_t status = 0;
  std::string_view text{};
  Task<Decision> later{};
};

// One configured policy: built once when the configuration is loaded, used by every worker at once, so it is
// immutable and must not block. on_response runs, in reverse order, for the policies whose on_request ran,
// also when the gateway answers by itself.
class Policy {
 public:
  virtual ~Policy() = default;
  virtual Decision on_request(Context&) const { return Decision::proceed(); }
  virtual void on_response(Context&) const {}
  // True when it answers CORS preflights, which then reach it although the route has no OPTIONS.
  virtual bool answers_preflight() const { return false; }
};

using PolicyPointer = std::shared_ptr<const Policy>;

// A kind of policy: how it is configured and how it is built from checked settings.
struct Kind {
  config::PolicyType description;
  std::function<PolicyPointer(const void* settings)> create;
};

// `Made` is constructible from `const Settings&`.
template <typename Settings, typename Made>
Kind make_kind(std::string name, config::TypePointer type) {
  return {
      {std::move(name), std::move(type), [] { return std::make_shared<Settings>(); }},
      [](const void* settings) { return std::make_shared<Made>(*static_cast<const Settings*>(settings)); }};
}

}  // namespace portcullis::policy

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/arena.h"
#include "cache/body_reader.h"
#include "cache/filling.h"
#include "config/model.h"
#include "config/policy_type.h"
#include "http/message.h"
#include "identity/claims.h"
#include "policy/build_context.h"
#include "policy/held_body.h"
#include "policy/insight.h"
#include "policy/owned_fields.h"
#include "policy/reasons.h"
#include "policy/response_converter.h"
#include "routing/rewrite.h"
#include "runtime/event_loop.h"
#include "runtime/task.h"
#include "tls/peer_certificate.h"

namespace portcullis::policy {

// That a copy of the request is to be sent to another upstream, whose answer nobody waits for. Its policy's.
struct MirrorTo {
  size_t upstream = 0;                  // index into the configuration's
  uint64_t body_size = 0;               // with a larger body there is no copy
  uint32_t most = 0;                    // copies on their way at once
  std::atomic<uint32_t>* on_their_way;  // copies to that upstream, of all workers
  telemetry::MetricCounter answered;
  telemetry::MetricCounter failed;
  telemetry::MetricCounter dropped;  // too many copies on their way, or the body too large
};

struct Context;

// What an exchange is for.
enum class Purpose : uint8_t {
  kServe,    // a client waits for the answer
  kExplain,  // only what would be decided is wanted: nothing is charged, remembered, started or counted
  kExplainOffline,  // the same in a process that serves no client: no other service is asked either
};

// Sends a request once more, for what no client waits for.
class Errands {
 public:
  // The exchange's request as it is now, on its own: `sender`'s on_response and on_end see it, and the
  // policies after it. `prepare` is called with its context before it is sent. False when the worker is
  // ending.
  virtual bool send(const void* sender, const std::function<void(Context&)>& prepare) = 0;

 protected:
  ~Errands() = default;
};

// What a policy sees and may change of one exchange. Views live as long as the exchange; what a policy adds
// to a head must too, so it comes from `arena` or from the policy itself.
struct Context {
  Context(EventLoop& on, Arena& from, http::RequestHead& asked, http::ResponseHead& answered)
      : loop(on), arena(from), request(asked), response(answered) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() {
    for (const Kept* one = kept_; one != nullptr; one = one->next) {
      if (one->destroy != nullptr) one->destroy(one->state);
    }
  }

  EventLoop& loop;
  Arena& arena;
  http::RequestHead& request;    // changes reach the target
  http::ResponseHead& response;  // filled before on_response, and by a policy that answers
  size_t worker = 0;             // which one, for state that each has for itself
  Purpose purpose = Purpose::kServe;
  bool explains() const { return purpose != Purpose::kServe; }
  identity::Caller caller{};                                 // as the authentication policies before found
  const tls::PeerCertificate* client_certificate = nullptr;  // verified; null when the client has shown none
  std::string_view client_address{};
  std::string_view scheme{"http"};
  std::string_view host{};       // lower case, without port and without a dot at its end
  std::string_view authority{};  // the host, with the port where that is not the scheme's default
  std::string_view
      forwarded_host{};     // as the client asked for it, by the word of trusted proxies; with its port
  std::string_view path{};  // canonical, as matched
  std::string_view target_path{};  // as the target gets it; a policy may set another
  std::string_view route{};
  std::string_view upstream{};                          // its name; empty when a policy answers
  const routing::PathParameters* parameters = nullptr;  // of the route; their values are in `path`
  std::string_view request_id{};
  std::string_view pseudonym{};  // of the route, in Via
  BodyHolder* body = nullptr;
  uint64_t body_limit = 0;  // most bytes of request body; 0: no limit
  bool idempotent = false;  // it may be sent twice, whatever its method
  std::string_view note{};  // for the log, of a policy that has something to say without refusing

  // A copy goes there, too. What it refers to is the policy's.
  struct Mirror {
    const MirrorTo* to;
    const Mirror* next;
  };
  const Mirror* mirrors = nullptr;

  std::unique_ptr<ResponseConverter> converter{};  // null: the response goes on as it comes

  // Likewise, for what goes on from the place of the policy whose on_response has set it: a coding.
  std::unique_ptr<ResponseConverter> encoder{};

  bool from_target = false;            // the response is a target's; else the gateway's own
  const EndReason* failure = nullptr;  // why no target has answered; null: none has failed
  Errands* errands = nullptr;          // null while the request is only explained
  // Of a policy that stores responses: where this one's body goes, and what is sent in its place.
  std::unique_ptr<cache::Filling> storing{};
  std::optional<cache::BodyReader> serving{};
  // A policy lacked the room to do with the response what it does otherwise: it is not stored for others.
  bool is_reduced = false;
  std::string_view cache_outcome{};  // for the log
  bool awaited = false;              // others wait for the answer: it is not given up when its client leaves

  // What `policy` wants to find again in its later hooks; `state` lives in the arena.
  void keep(const void* policy, void* state) { kept_ = arena.make<Kept>(policy, state, nullptr, kept_); }
  // Likewise, a new T that is destroyed with this.
  template <typename T>
  T& keep_new(const void* policy) {
    T* made = new (arena.allocate(sizeof(T), alignof(T))) T();
    const auto destroy = [](void* state) { static_cast<T*>(state)->~T(); };
    kept_ = arena.make<Kept>(policy, made, destroy, kept_);
    return *made;
  }
  template <typename T>
  T* kept(const void* policy) const {
    for (const Kept* one = kept_; one != nullptr; one = one->next) {
      if (one->policy == policy) return static_cast<T*>(one->state);
    }
    return nullptr;
  }

 private:
  struct Kept {
    const void* policy;
    void* state;
    void (*destroy)(void*);  // null: nothing to be done
    const Kept* next;
  };
  const Kept* kept_ = nullptr;
};

// What a policy decided about a request.
struct Decision {
  enum class Kind : uint8_t { kContinue, kAnswer, kServe, kRefuse, kSuspend, kUnknown };

  // On to the next policy, or the upstream.
  static Decision proceed() { return {}; }
  // Send Context::response, whose status and fields the policy has set, with `body`.
  static Decision answer(std::string_view body, const EndReason& reason = kEnds.answered_by_policy) {
    return {Kind::kAnswer, 0, body, &reason, {}};
  }
  // The same with what Context::serving reads.
  static Decision serve(const EndReason& reason) { return {Kind::kServe, 0, {}, &reason, {}}; }
  // Send problem details with the reason's status, and with the fields that the policy has added to
  // Context::response. The detail is the reason's name; where the client must not learn that, it is `detail`,
  // which must outlive the exchange.
  static Decision refuse(const EndReason& reason, std::string_view detail = {}) {
    return refuse_with(reason.status, reason, detail);
  }
  // The same with another status.
  static Decision refuse_with(uint16_t status, const EndReason& reason, std::string_view detail = {}) {
    return {Kind::kRefuse, status, detail.empty() ? reason.name : detail, &reason, {}};
  }
  // Of Purpose::kExplainOffline only: the decision depends on what this process does not have.
  static Decision unknown() { return {Kind::kUnknown, 0, {}, nullptr, {}}; }
  // Decide later: the exchange awaits `task`, which may itself decide to suspend. When the client leaves
  // meanwhile, or the worker stops, the frame is destroyed; on_end then runs as at any other end.
  static Decision suspend(Task<Decision> task) { return {Kind::kSuspend, 0, {}, nullptr, std::move(task)}; }

  Kind kind = Kind::kContinue;
  uint16_t status = 0;
  std::string_view text{};            // of an answer the body; of a refusal the detail
  const EndReason* reason = nullptr;  // of an answer or a refusal
  Task<Decision> later{};
};

// Receives the whole of the request's body into memory, and goes on; or refuses.
Task<Decision> hold_body(Context& context, size_t limit);

// What `later` decides in the end, however often it puts that off.
Task<Decision> settle(Task<Decision> later);

// Remarks about a decision, for `portcullis explain`: "would charge 1 to the limit `default` (100 in 60 s) of
// consumer `shop`, and leave 99".
using Notes = std::vector<std::string>;

// One configured policy: built once when the configuration is loaded, used by every worker at once, so it is
// immutable and must not block. on_response runs, in reverse order, for the policies whose on_request ran,
// also when the gateway answers by itself. Policies of the top level see also requests that no route takes,
// before these are refused: Context::route is then empty.
//
// The same hooks run when a request is only explained, so that what is told is what would be done. A hook
// that has a lasting effect asks Context::explains() and looks instead: it reads counters, and does not
// charge them.
class Policy {
 public:
  virtual ~Policy() = default;
  virtual Decision on_request(Context&) const { return Decision::proceed(); }
  virtual void on_response(Context&) const {}
  // After the last byte of the exchange, or when it broke off; for the policies that say watches_end() and
  // whose on_request ran.
  virtual void on_end(Context&) const {}
  virtual bool watches_end() const { return false; }
  // Adds the request fields that this policy alone sets for the backend.
  virtual void add_owned_fields(OwnedFields& /*fields*/) const {}
  // True when every answer on its route gets what on_response adds, also one that was made before the
  // policy's turn came: a refusal by the gateway or by a policy before it. on_response then finds only the
  // two heads in the context.
  virtual bool marks_every_answer() const { return false; }
  // What to say of what on_request has just decided, while Context::explains().
  virtual Notes explain(Context& /*context*/, const Decision& /*decision*/) const { return {}; }
};

using PolicyPointer = std::shared_ptr<const Policy>;

// A check of one policy alone, for settings that are valid and probably a mistake. docs/warnings.md explains
// it under its name.
struct Warning {
  std::string name;
  std::function<std::string(const config::PolicyUse&)> find;  // what is wrong; empty when nothing is
};

// A kind of policy: how it is configured and how it is built from checked settings.
struct Kind {
  config::PolicyType description;
  std::function<PolicyPointer(const config::PolicySettings& settings, const BuildContext& build)> create;
  // Reports what is wrong with it beside the rest of the configuration; may be empty.
  std::function<void(const config::PolicyUse&, const config::Config&, config::Diagnostics&)> check{};
  // What checks over several policies need to know of it; may be empty.
  std::function<Insight(const config::PolicyUse&)> insight{};
  // Why it ends requests, beside kEnds.
  telemetry::EndReasons reasons{};
  // Declares the metrics that this kind of policy has, for the metrics page of a gateway without such a
  // policy; may be empty.
  std::function<void(telemetry::MetricSet&)> declare_metrics{};
  // What `portcullis check` warns of.
  std::vector<Warning> warnings{};

  // The same with the policy's table of reasons.
  template <typename Table>
  Kind with_reasons(const Table& table) && {
    reasons = telemetry::reasons_in(table);
    return std::move(*this);
  }
  // The same with metrics, which `declare` declares.
  Kind with_metrics(std::function<void(telemetry::MetricSet&)> declare) && {
    declare_metrics = std::move(declare);
    return std::move(*this);
  }
  // The same with these traits.
  Kind with_traits(const config::PolicyTraits& traits) && {
    description.traits = traits;
    return std::move(*this);
  }
};

// The one of that name, or null.
const Kind* find_kind(const std::vector<Kind>& kinds, const std::string& name);

// `Made` is constructible from `const Settings&`, and a `const BuildContext&` where it needs it.
template <typename Settings, typename Made>
Kind make_kind(std::string name, std::shared_ptr<config::ObjectType<Settings>> type) {
  return {{std::move(name), std::move(type)},
          [](const config::PolicySettings& settings, const BuildContext& build) -> PolicyPointer {
            const Settings& checked = settings.as<Settings>();
            if constexpr (std::is_constructible_v<Made, const Settings&, const BuildContext&>) {
              return std::make_shared<Made>(checked, build);
            } else {
              return std::make_shared<Made>(checked);
            }
          }};
}
// The same, with `check(use, settings, config, diagnostics)`.
template <typename Settings, typename Made, typename Check>
Kind make_kind(std::string name, std::shared_ptr<config::ObjectType<Settings>> type, Check check) {
  Kind kind = make_kind<Settings, Made>(std::move(name), std::move(type));
  kind.check = [check](const config::PolicyUse& use, const config::Config& config,
                       config::Diagnostics& diagnostics) {
    check(use, use.settings.as<Settings>(), config, diagnostics);
  };
  return kind;
}

// `kind` with `tell(settings, use)`, which returns the Insight.
template <typename Settings, typename Tell>
Kind with_insight(Kind kind, Tell tell) {
  kind.insight = [tell](const config::PolicyUse& use) { return tell(use.settings.as<Settings>(), use); };
  return kind;
}

// `kind` with the warning of that name, which `find(settings)` tells or leaves empty.
template <typename Settings, typename Find>
Kind with_warning(Kind kind, std::string name, Find find) {
  kind.warnings.push_back(
      {std::move(name), [find](const config::PolicyUse& use) { return find(use.settings.as<Settings>()); }});
  return kind;
}

}  // namespace portcullis::policy

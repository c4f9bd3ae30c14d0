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

// Describes the copies of requests that a `mirror` policy sends to another upstream. No client waits for the
// response to a copy. Owned by the policy.
struct MirrorTo {
  size_t upstream = 0;     // index into the upstreams of the configuration
  uint64_t body_size = 0;  // max size of the request body; a request with a larger body is not copied
  uint32_t most = 0;       // max number of copies that are in progress at once
  std::atomic<uint32_t>* on_their_way;  // copies in progress to that upstream, of all workers
  telemetry::MetricCounter answered;
  telemetry::MetricCounter failed;
  telemetry::MetricCounter dropped;  // not sent: too many copies in progress, or the body too large
};

struct Context;

// The purpose of an exchange.
enum class Purpose : uint8_t {
  kServe,           // the response is sent to a client, or stored
  kExplain,         // the decisions are only explained: nothing is charged, stored, started or counted
  kExplainOffline,  // as kExplain, in a process that serves no client: no other service is asked
};

// Sends the request of an exchange once more, in the background.
class Errands {
 public:
  // Sends a copy of the exchange's request as it is now. The copy has an exchange of its own, which runs
  // on_response and on_end of the policy `sender`, and all hooks of the policies behind it. `prepare` is
  // called with the context of the copy before it is sent. False when the copy cannot be sent.
  virtual bool send(const void* sender, const std::function<void(Context&)>& prepare) = 0;

 protected:
  ~Errands() = default;
};

// The parts of one exchange that a policy may read and change. The views are valid as long as the exchange
// lives. A text that a policy adds to a head must live as long, so it comes from `arena` or from the policy
// itself.
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
  http::RequestHead& request;    // the head that is sent to the target
  http::ResponseHead& response;  // filled before on_response, or by a policy that answers
  size_t worker = 0;             // the index of the worker, for state that each worker has for itself
  Purpose purpose = Purpose::kServe;
  bool explains() const { return purpose != Purpose::kServe; }
  identity::Caller caller{};  // set by the authentication policies
  // the verified certificate; null when the client has sent none
  const tls::PeerCertificate* client_certificate = nullptr;
  std::string_view client_address{};
  std::string_view scheme{"http"};
  std::string_view host{};       // lower case, without port and without a dot at its end
  std::string_view authority{};  // the host, with the port unless it is the default port of the scheme
  std::string_view
      forwarded_host{};     // the host and port that the client asked for, according to trusted proxies
  std::string_view path{};  // the canonical path that the routes matched
  std::string_view target_path{};  // the path that the target gets; a policy may set another path
  std::string_view route{};
  std::string_view upstream{};  // the name of the upstream; empty when a policy answers
  // the path parameters of the route; their values are views into `path`
  const routing::PathParameters* parameters = nullptr;
  std::string_view request_id{};
  std::string_view pseudonym{};  // the pseudonym of the gateway in Via for this route
  BodyHolder* body = nullptr;
  uint64_t body_limit = 0;  // max bytes of the request body; 0 when there is no limit
  bool idempotent = false;  // the request may be sent twice, whatever its method is
  std::string_view note{};  // a remark of a policy for the access log

  // A list of the upstreams that get a copy of the request. `to` is owned by the policy.
  struct Mirror {
    const MirrorTo* to;
    const Mirror* next;
  };
  const Mirror* mirrors = nullptr;

  // Converts the response of the target; null when the response is not converted.
  std::unique_ptr<ResponseConverter> converter{};

  // Encodes the response after the policies, for example compresses it. Set by a policy in on_response; null
  // when the response is not encoded.
  std::unique_ptr<ResponseConverter> encoder{};

  // True for the response of a target, false for a response that the gateway has made.
  bool from_target = false;
  const EndReason* failure = nullptr;  // why no target has answered; null when no target has failed
  Errands* errands = nullptr;          // null when the request is only explained
  // Set by a policy that stores responses: `storing` receives the body of this response, and `serving` reads
  // the body that is sent.
  std::unique_ptr<cache::Filling> storing{};
  std::optional<cache::BodyReader> serving{};
  // A policy lacked the memory to change the response as it usually does, so the response must not be stored
  // for other requests.
  bool is_reduced = false;
  std::string_view cache_outcome{};  // the outcome of the cache, for the access log
  // other requests wait for the response, so the exchange goes on when its client leaves
  bool awaited = false;

  // Keeps `state` for later hooks of `policy`, which get it by kept(). The state must live in the arena.
  void keep(const void* policy, void* state) { kept_ = arena.make<Kept>(policy, state, nullptr, kept_); }
  // Makes a new T in the arena and keeps it for later hooks of `policy`. The T is destroyed with this
  // context.
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
    void (*destroy)(void*);  // null when the state needs no destructor
    const Kept* next;
  };
  const Kept* kept_ = nullptr;
};

// The decision of a policy about a request.
struct Decision {
  enum class Kind : uint8_t { kContinue, kAnswer, kServe, kRefuse, kSuspend, kUnknown };

  // The request goes on to the next policy, or to the upstream.
  static Decision proceed() { return {}; }
  // Sends Context::response, whose status and fields the policy has set, with `body`.
  static Decision answer(std::string_view body, const EndReason& reason = kEnds.answered_by_policy) {
    return {Kind::kAnswer, 0, body, &reason, {}};
  }
  // Sends Context::response with the body that Context::serving reads.
  static Decision serve(const EndReason& reason) { return {Kind::kServe, 0, {}, &reason, {}}; }
  // Sends problem details with the reason's status, and with the fields that the policy has added to
  // Context::response. The detail is the reason's name, or `detail` when the client must not learn the
  // reason. `detail` must outlive the exchange.
  static Decision refuse(const EndReason& reason, std::string_view detail = {}) {
    return refuse_with(reason.status, reason, detail);
  }
  // As refuse(), with another status.
  static Decision refuse_with(uint16_t status, const EndReason& reason, std::string_view detail = {}) {
    return {Kind::kRefuse, status, detail.empty() ? reason.name : detail, &reason, {}};
  }
  // Only for Purpose::kExplainOffline: the decision depends on data that this process does not have.
  static Decision unknown() { return {Kind::kUnknown, 0, {}, nullptr, {}}; }
  // Suspends the request until `task` has decided; that decision may suspend the request again. When the
  // client leaves meanwhile, or the worker stops, the frame of the task is destroyed, and on_end runs as at
  // any other end.
  static Decision suspend(Task<Decision> task) { return {Kind::kSuspend, 0, {}, nullptr, std::move(task)}; }

  Kind kind = Kind::kContinue;
  uint16_t status = 0;
  std::string_view text{};            // the body of an answer, or the detail of a refusal
  const EndReason* reason = nullptr;  // the reason of an answer or a refusal; null otherwise
  Task<Decision> later{};
};

// Receives the whole request body into memory, at most `limit` bytes. Proceeds when the body is held,
// otherwise refuses the request.
Task<Decision> hold_body(Context& context, size_t limit);

// The final decision of `later`, after all further suspensions.
Task<Decision> settle(Task<Decision> later);

// Remarks about a decision, for `portcullis explain`: "would charge 1 to the limit `default` (100 in 60 s) of
// consumer `shop`, and leave 99".
using Notes = std::vector<std::string>;

// One configured policy: built once when the configuration is loaded, used by every worker at once, so it is
// immutable and must not block. on_response runs, in reverse order, for the policies whose on_request ran,
// also when the gateway answers by itself. Policies of the top level see also requests that no route takes,
// before these are refused: Context::route is then empty.
//
// The same hooks run when a request is only explained, so that the explanation is what the gateway would do.
// A hook with a lasting effect checks Context::explains() and then only reads: for example it reads counters
// and does not charge them.
class Policy {
 public:
  virtual ~Policy() = default;
  virtual Decision on_request(Context&) const { return Decision::proceed(); }
  virtual void on_response(Context&) const {}
  // Runs after the last byte of the exchange, or when the exchange broke off, for policies whose
  // watches_end() is true and whose on_request ran.
  virtual void on_end(Context&) const {}
  virtual bool watches_end() const { return false; }
  // Adds the request fields that this policy alone sets for the backend.
  virtual void add_owned_fields(OwnedFields& /*fields*/) const {}
  // True when on_response must run for every response of the route, also for one that was made before this
  // policy's on_request: a refusal by the gateway or by a policy before this one. For such a response only
  // the two heads are set in the context.
  virtual bool marks_every_answer() const { return false; }
  // Remarks about the decision of on_request. Called only while Context::explains() is true.
  virtual Notes explain(Context& /*context*/, const Decision& /*decision*/) const { return {}; }
};

using PolicyPointer = std::shared_ptr<const Policy>;

// A check of one policy alone, for settings that are valid but probably a mistake. docs/warnings.md explains
// each check under its name.
struct Warning {
  std::string name;
  // Returns the text of the warning, or an empty text.
  std::function<std::string(const config::PolicyUse&)> find;
};

// A kind of policy: how it is configured and how it is built from checked settings.
struct Kind {
  config::PolicyType description;
  std::function<PolicyPointer(const config::PolicySettings& settings, const BuildContext& build)> create;
  // Reports errors in the settings that depend on the rest of the configuration; may be empty.
  std::function<void(const config::PolicyUse&, const config::Config&, config::Diagnostics&)> check{};
  // Returns the properties that checks over several policies need; may be empty.
  std::function<Insight(const config::PolicyUse&)> insight{};
  // The reasons for which the policy ends requests, in addition to kEnds.
  telemetry::EndReasons reasons{};
  // Declares the metrics that this kind of policy has, for the metrics page of a gateway without such a
  // policy; may be empty.
  std::function<void(telemetry::MetricSet&)> declare_metrics{};
  // The warnings of `portcullis check` for this policy.
  std::vector<Warning> warnings{};

  // This kind with the policy's table of reasons.
  template <typename Table>
  Kind with_reasons(const Table& table) && {
    reasons = telemetry::reasons_in(table);
    return std::move(*this);
  }
  // This kind with metrics, which `declare` declares.
  Kind with_metrics(std::function<void(telemetry::MetricSet&)> declare) && {
    declare_metrics = std::move(declare);
    return std::move(*this);
  }
  // This kind with these traits.
  Kind with_traits(const config::PolicyTraits& traits) && {
    description.traits = traits;
    return std::move(*this);
  }
};

// The kind of that name, or null. The pointer is valid as long as `kinds`.
const Kind* find_kind(const std::vector<Kind>& kinds, const std::string& name);

// The kind of a policy of the class `Made`, which is constructible from `const Settings&`, or from `const
// Settings&` and `const BuildContext&`.
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
// As make_kind() above, with `check(use, settings, config, diagnostics)` as Kind::check.
template <typename Settings, typename Made, typename Check>
Kind make_kind(std::string name, std::shared_ptr<config::ObjectType<Settings>> type, Check check) {
  Kind kind = make_kind<Settings, Made>(std::move(name), std::move(type));
  kind.check = [check](const config::PolicyUse& use, const config::Config& config,
                       config::Diagnostics& diagnostics) {
    check(use, use.settings.as<Settings>(), config, diagnostics);
  };
  return kind;
}

// Returns `kind` with `tell(settings, use)` as Kind::insight.
template <typename Settings, typename Tell>
Kind with_insight(Kind kind, Tell tell) {
  kind.insight = [tell](const config::PolicyUse& use) { return tell(use.settings.as<Settings>(), use); };
  return kind;
}

// Returns `kind` with a warning of that name. `find(settings)` returns its text, or an empty text.
template <typename Settings, typename Find>
Kind with_warning(Kind kind, std::string name, Find find) {
  kind.warnings.push_back(
      {std::move(name), [find](const config::PolicyUse& use) { return find(use.settings.as<Settings>()); }});
  return kind;
}

}  // namespace portcullis::policy

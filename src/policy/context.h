#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "http/message.h"
#include "identity/claims.h"
#include "policy/errands.h"
#include "policy/held_body.h"
#include "policy/reasons.h"
#include "policy/request_stages.h"
#include "policy/response_body.h"
#include "routing/rewrite.h"
#include "runtime/event_loop.h"
#include "tls/peer_certificate.h"

namespace portcullis::policy {

// The purpose of an exchange.
enum class Purpose : uint8_t {
  kServe,           // the response is sent to a client, or stored
  kExplain,         // the decisions are only explained: nothing is charged, stored, started or counted
  kExplainOffline,  // as kExplain, in a process that serves no client: no other service is asked
};

// The parts of one exchange that a policy may read and change. The views are valid as long as the exchange
// lives. A text that a policy adds to a head must live as long, so it comes from `arena` or from the policy
// itself.
struct Context {
  Context(EventLoop& on, Arena& from, http::RequestHead& asked, http::ResponseHead& answered)
      : loop(on), arena(from), request(asked), response(answered), request_stages(asked, from) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() {
    response_body.clear();  // which may refer to what policies have kept
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
  std::string_view branch{};    // the name of the branch of the route's split; empty before it is chosen
  // the path parameters of the route; their values are views into `path`
  const routing::PathParameters* parameters = nullptr;
  std::string_view request_id{};
  std::string_view pseudonym{};  // the pseudonym of the gateway in Via for this route
  BodyHolder* body = nullptr;
  uint64_t body_limit = 0;  // max bytes of the request body; 0 when there is no limit
  bool idempotent = false;  // the request may be sent twice, whatever its method is
  std::string_view note{};  // a remark of a policy for the access log

  // Stages behind the body of the request, for policies that see or change the body while it flows. A policy
  // puts them in on_request.
  RequestStages request_stages;
  // The body of the response. A policy changes it in on_response, or in on_request before Decision::serve().
  ResponseBody response_body{};
  // The content type of errors that the gateway reports in a form of gRPC. Set by a policy that converts the
  // request into a gRPC call; empty when the client gets problem details as usual.
  std::optional<std::string_view> grpc_error_type{};
  Milliseconds send_timeout{0};  // of the client: max time of one write to it

  // True for the response of a target, false for a response that the gateway has made.
  bool from_target = false;
  const EndReason* failure = nullptr;  // why no target has answered; null when no target has failed
  Errands* errands = nullptr;          // null when the request is only explained
  // The response is only for this client, because a policy lacked the memory to change it as it usually does:
  // the response must not be stored for other requests.
  bool must_not_be_stored = false;
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

}  // namespace portcullis::policy

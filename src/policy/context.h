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
#include "policy/replay.h"
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

// The client that has sent the request.
struct Client {
  std::string_view address{};
  const tls::PeerCertificate* certificate = nullptr;  // verified; null when the client has sent none
  Milliseconds send_timeout{0};                       // max time of one write to the client
};

// The URI of the request, in its canonical form.
struct RequestUri {
  std::string_view scheme{"http"};
  std::string_view host{};       // lower case, without port and without a dot at its end
  std::string_view authority{};  // the host, with the port unless it is the default port of the scheme
  // the host and port that the client asked for, according to trusted proxies
  std::string_view forwarded_host{};
  std::string_view path{};  // the path that the routes matched
};

// The route that takes the request.
struct ChosenRoute {
  std::string_view name{};
  std::string_view upstream{};  // the name of the upstream; empty when a policy answers
  std::string_view branch{};    // the name of the branch of the split; empty before it is chosen
  // the path parameters of the route; their values are views into RequestUri::path
  const routing::PathParameters* parameters = nullptr;
  std::string_view pseudonym{};  // of the gateway in Via
};

// The body of the request.
struct RequestBody {
  BodyHolder* holder = nullptr;  // receives the body into memory
  uint64_t limit = 0;            // max bytes; 0 when there is no limit
  // Stages behind the body, for policies that see or change the body while it flows. A policy puts them in
  // on_request.
  RequestStages stages;
};

// How the exchange handles the request; policies may change it in on_request.
struct Handling {
  std::string_view target_path{};  // the path that the target gets
  bool is_idempotent = false;      // the request may be sent twice, whatever its method is
  // The exchange goes on when its client leaves, up to the head of the response: other requests wait for it.
  bool outlives_client = false;
  // The content type of errors that the gateway reports in a form of gRPC. Set by a policy that converts the
  // request into a gRPC call; empty when the client gets problem details as usual.
  std::optional<std::string_view> grpc_error_type{};
};

// What the policies, and the exchange itself, tell the access log and the trace.
struct Remarks {
  std::string_view note{};
  std::string_view cache_outcome{};  // what a cache did
};

// An error of the gateway for which a response is made.
struct ToldError {
  uint16_t status;          // that the client gets
  std::string_view detail;  // the cause, as far as clients may learn it
  const EndReason& reason;
};

// The parts of one exchange that a policy may read and change. The views are valid as long as the exchange
// lives. A text that a policy adds to a head must live as long, so it comes from `arena` or from the policy
// itself.
struct Context {
  Context(EventLoop& on, Arena& from, http::RequestHead& asked, http::ResponseHead& answered)
      : loop(on),
        arena(from),
        request(asked),
        response(answered),
        request_body{.stages = RequestStages(asked, from)} {}
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
  size_t worker = 0;  // the index of the worker, for state that each worker has for itself
  Purpose purpose = Purpose::kServe;
  bool explains() const { return purpose != Purpose::kServe; }
  Errands* errands = nullptr;  // null when the request is only explained
  Replay* replay = nullptr;    // set when the request is a recorded one

  http::RequestHead& request;    // the head that is sent to the target
  http::ResponseHead& response;  // filled before on_response, or by a policy that answers
  std::string_view request_id{};
  std::string_view revision{};  // the number of the revision that serves the request
  Client client{};
  identity::Caller caller{};  // set by the authentication policies
  // The last authentication policy that has judged a credential of the request; null when none has.
  const void* authenticator = nullptr;
  RequestUri uri{};
  ChosenRoute route{};
  RequestBody request_body;
  Handling handling{};

  bool was_sent = false;  // the head of the request has been sent to a target
  // True for the response of a target, false for a response that the gateway has made.
  bool from_target = false;
  const EndReason* failure = nullptr;  // why no target has answered; null when no target has failed
  const ToldError* error = nullptr;    // set while the texts of `errors` are expanded
  // The body of the response. A policy changes it in on_response, or in on_request before Decision::answer().
  ResponseBody response_body{};
  Remarks remarks{};

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

#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/arena.h"
#include "base/text.h"
#include "http/message.h"
#include "proxy/forwarding.h"
#include "proxy/snapshot.h"

namespace portcullis::proxy {

class ClientConnection;

// The value of the Allow field in answers of the gateway itself that do not depend on a route.
inline constexpr std::string_view kUsualMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

// The client's values of fields that policies must read, and that only policies may set for the target. The
// gateway notes these values until the policies have run, and then removes them.
class ClientValues {
 public:
  // Notes the client's values in `fields`. `owned` names the fields, for the route that governs the request.
  void note(const policy::OwnedFields& owned, const http::Fields& fields, Arena& arena);
  // For a copy of a request: notes `copied`, the copy of `value`, if `original` has noted `value`.
  void note_copy(const ClientValues& original, std::string_view value, std::string_view copied, Arena& arena);
  // Removes the values that no policy has set anew.
  void drop(const policy::OwnedFields& owned, http::Fields& fields) const;

 private:
  bool has(const char* value) const;

  std::span<const char*> values_{};
  size_t count_ = 0;
};

// A request as the gateway understands it, from its head to its route and branch. Belongs to one exchange;
// views point into the client's input or into the arena.
struct Request {
  Arena arena{};
  http::RequestHead head{};
  bool has_head = false;  // the whole head has been read
  std::string_view id{};
  std::string_view host{};         // the host in canonical form, without the port
  std::string_view path{};         // the canonical path, which routes match
  std::string_view target_path{};  // the path that the target gets
  std::string_view allow{};        // the value of the Allow field that a refusal must have; may be empty
  Origin origin{};
  const Route* route = nullptr;      // the matching route; null when none matches
  size_t route_index = 0;            // of `route` in the snapshot, when it is not null
  const Route* governing = nullptr;  // the route whose policies see the request: `route` or a substitute
  const Branch* branch = nullptr;    // the chosen branch of the route; null before the choice
  ClientValues client_values{};
  routing::Doubt* doubt = nullptr;  // set when the request is a recorded one

  // The host that the target is asked for.
  std::string_view authority_at_target() const {
    return route->host.empty() ? head.authority : std::string_view(route->host);
  }
  // True when the target gets a gRPC call: from the client, or because a policy converts the request.
  bool is_grpc_call(bool is_converted) const;
};

// Sets the request's identifier: the client's x-request-id, or 32 random hexadecimal digits.
template <typename Random>
void choose_request_id(Request& request, Random random);

// An answer that the gateway gives by itself, independent of the routes.
enum class OwnAnswer : uint8_t { kNone, kRedirectToHttps, kOptions };

// The findings about a request before its policies run.
struct Prepared {
  const telemetry::EndReason* refusal =
      nullptr;  // why the request is refused, once its policies have seen it
  OwnAnswer own_answer = OwnAnswer::kNone;
  size_t policies = 0;        // how many of the governing route's policies see the request
  bool is_ambiguous = false;  // the path is ambiguous, so the connection must be closed
};

// The first step, before anything else reads the target and the fields: encodes characters that a URI must
// not contain, finds the request's origin, and removes connection-specific fields and fields that clients
// must not set.
void screen_head(Request& request, const ListenerSettings& settings, const ClientConnection& client);

// The second step: finds the canonical path and the route, and checks the limits. A request that no route
// takes, or that exceeds a limit, is refused only after the policies of the top level have seen it: a client
// that they do not admit must not learn which routes exist.
Prepared prepare(Request& request, const Snapshot& snapshot, const ListenerSettings& settings,
                 const ClientConnection& client);

template <typename Random>
void choose_request_id(Request& request, Random random) {
  const http::Field* given = request.head.fields.find(http::FieldId::kXRequestId);
  if (given != nullptr && !given->value.empty() && given->value.size() <= 128) {
    request.id = given->value;
    return;
  }
  char* text = request.arena.allocate(32, 1);
  for (size_t word = 0; word < 2; ++word) write_hex(text + word * 16, random(), 16);
  request.id = {text, 32};
}

}  // namespace portcullis::proxy

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

// The methods that an answer of the gateway itself allows, where no route says more.
inline constexpr std::string_view kUsualMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

// The fields of a request that policies alone may set and still have to read: the values that the client sent
// are kept apart until the policies have run.
class ClientValues {
 public:
  // Takes note of the client's values in `fields`, by the rules of the route that governs the request.
  void note(const policy::OwnedFields& owned, const http::Fields& fields, Arena& arena);
  // The same for a copy of a request: `value`, which the original has, is `copied` in this.
  void note_copy(const ClientValues& original, std::string_view value, std::string_view copied, Arena& arena);
  // Removes the values that no policy has set anew.
  void drop(const policy::OwnedFields& owned, http::Fields& fields) const;

 private:
  bool has(const char* value) const;

  std::span<const char*> values_{};
  size_t count_ = 0;
};

// A request as the gateway understands it: from its head to the place where it goes. The data of one
// exchange; views point into the client's input or into the arena.
struct Request {
  Arena arena{};
  http::RequestHead head{};
  bool has_head = false;  // the head has been read whole
  std::string_view id{};
  std::string_view host{};         // lower case, without port
  std::string_view path{};         // canonical, as routes match it
  std::string_view target_path{};  // as the target gets it
  std::string_view allow{};        // the value of an Allow field that an answer of the gateway has to have
  Origin origin{};
  const Route* route = nullptr;      // that takes the request; null: none does
  const Route* governing = nullptr;  // whose policies see the request: `route`, or what stands for it
  const Branch* branch = nullptr;    // of the route, once it is known which upstream is asked
  ClientValues client_values{};

  // The host that the target is asked for.
  std::string_view authority_at_target() const {
    return route->host.empty() ? head.authority : std::string_view(route->host);
  }
  // The target is asked for a gRPC call: by the client, or with the help of a policy that converts.
  bool is_grpc_call(bool is_converted) const;
};

// Sets the request's identifier: the client's, or one made of two random words.
template <typename Random>
void choose_request_id(Request& request, Random random);

// What the gateway answers by itself, whatever the routes are.
enum class OwnAnswer : uint8_t { kNone, kRedirectToHttps, kOptions };

// What has been found out of a request before its policies run.
struct Prepared {
  const telemetry::EndReason* refusal =
      nullptr;  // why the request is refused, once its policies have seen it
  OwnAnswer own_answer = OwnAnswer::kNone;
  size_t policies = 0;        // how many of the governing route's policies are to see it
  bool is_ambiguous = false;  // the connection cannot be used any more
};

// The first step: characters that no URI has are encoded, and what a client says of its connection, or in the
// gateway's place, is removed, before anything else reads the target and the fields.
void screen_head(Request& request, const ListenerSettings& settings, const ClientConnection& client);

// The second step: the canonical path, the route and the limits. Once the path is known, the policies of the
// top level see also a request that is refused: a client that they do not admit must not learn which routes
// there are.
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

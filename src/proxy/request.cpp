#include "proxy/request.h"

#include <algorithm>

#include "base/text.h"
#include "http/authority.h"
#include "http/grpc.h"
#include "http/hop_by_hop.h"
#include "http/path.h"
#include "http/upgrade.h"
#include "proxy/client_connection.h"
#include "telemetry/ends.h"

namespace portcullis::proxy {

using http::FieldId;
using telemetry::EndReason;
using telemetry::kEnds;

namespace {

// True for TRACE, and for TRACK, which does the same on some servers.
bool is_trace(std::string_view method) {
  return method == "TRACE" || method == "TRACK";
}

// Decrements Max-Forwards if the request has this field (RFC 9110 section 7.6.2). False when the request must
// not be forwarded any more.
bool may_forward(Request& request) {
  http::RequestHead& head = request.head;
  if (head.method != "OPTIONS" && !is_trace(head.method)) return true;
  const http::Field* limit = head.fields.find("max-forwards");
  const auto hops = limit == nullptr ? std::nullopt : parse_decimal(limit->value);
  if (!hops) return true;
  if (*hops > 0) head.fields.set("max-forwards", request.arena.decimal(*hops - 1));
  return *hops > 0;
}

// Finds the route for the request. Null when there is a route, otherwise the reason.
const EndReason* find_route(Request& request, const Snapshot& snapshot, const ListenerSettings& settings) {
  const routing::RequestView view{request.host,       request.path,         request.head.method,
                                  request.head.query, &request.head.fields, settings.address_text,
                                  request.doubt};
  const routing::MatchResult match = snapshot.table->match(view);
  if (match.outcome == routing::MatchOutcome::kNoRoute) return &kEnds.no_route;
  if (match.outcome == routing::MatchOutcome::kMethodNotAllowed) {
    request.governing = &snapshot.routes[match.by_other_method];
    request.allow = request.arena.copy(join(snapshot.table->allowed_methods(view)));
    return &kEnds.method_not_allowed;
  }
  request.route = request.governing = &snapshot.routes[match.route];
  request.route_index = match.route;
  return nullptr;
}

// Removes the client's fields that only policies may set, and fields whose names differ by '_' from a field
// that routes or policies read. Fields that a policy must read, although only policies may set them for the
// target, stay until the last policy has run.
void take_owned_fields(Request& request, const Snapshot& snapshot) {
  const policy::OwnedFields& owned = request.governing->owned_fields;
  http::Fields& fields = request.head.fields;
  if (!owned.removed.empty())
    fields.remove_if([&](const http::Field& field) { return owned.removed.contains(field.name); });
  const http::FieldNames& matched = snapshot.matched_fields;
  if (!owned.read.empty() || !matched.empty()) {
    fields.remove_if([&](const http::Field& field) {
      return field.id == FieldId::kOther &&
             (owned.read.is_imitated_by(field.name) || matched.is_imitated_by(field.name));
    });
  }
  request.client_values.note(owned, fields, request.arena);
}

// Reduces the protocols in the client's Upgrade field to those that the route allows. False when none is
// left: the request is then forwarded without an upgrade, as RFC 9110 section 7.8 permits.
bool choose_upgrade(Request& request) {
  http::RequestHead& head = request.head;
  std::string_view chosen;
  // Each protocol is written once, even if the client names it several times.
  for (const std::string& allowed : request.route->upgrades) {
    std::string_view asked;
    http::for_each_upgrade(head.fields, [&](std::string_view one) {
      if (asked.empty() && equals_ignoring_case(allowed, one)) asked = one;
    });
    if (!asked.empty()) chosen = chosen.empty() ? asked : request.arena.concat(chosen, ", ", asked);
  }
  head.wants_upgrade = !chosen.empty();
  head.fields.remove(FieldId::kUpgrade);
  return head.wants_upgrade && head.fields.add("upgrade", chosen, FieldId::kUpgrade);
}

}  // namespace

bool ClientValues::has(const char* value) const {
  const auto end = values_.begin() + static_cast<ptrdiff_t>(count_);
  return std::find(values_.begin(), end, value) != end;
}

void ClientValues::note(const policy::OwnedFields& owned, const http::Fields& fields, Arena& arena) {
  if (owned.replaced.empty()) return;
  values_ = arena.make_array<const char*>(fields.size());
  count_ = 0;
  for (const http::Field& field : fields) {
    if (owned.replaced.contains(field.name)) values_[count_++] = field.value.data();
  }
}

void ClientValues::note_copy(const ClientValues& original, std::string_view value, std::string_view copied,
                             Arena& arena) {
  if (!original.has(value.data())) return;
  if (values_.empty()) values_ = arena.make_array<const char*>(original.count_);
  if (count_ < values_.size()) values_[count_++] = copied.data();
}

void ClientValues::drop(const policy::OwnedFields& owned, http::Fields& fields) const {
  if (count_ == 0) return;
  fields.remove_if([&](const http::Field& field) {
    return owned.replaced.contains(field.name) && has(field.value.data());
  });
}

bool Request::is_grpc_call(bool is_converted) const {
  if (head.version != http::Version::kHttp2 && !is_converted) return false;
  return http::grpc_form(head.fields.value_of("content-type")) == http::GrpcForm::kGrpc;
}

void screen_head(Request& request, const ListenerSettings& settings, const ClientConnection& client) {
  http::RequestHead& head = request.head;
  Arena& arena = request.arena;
  head.path = http::encode_target(head.path, arena);
  head.query = http::encode_target(head.query, arena);
  const std::string_view written = http::host_of(head.authority);
  request.host = http::canonical_host(written, arena);
  if (written.ends_with('.')) {
    const std::string_view port = head.authority.substr(written.size());
    head.authority = arena.concat(written.substr(0, written.size() - 1), port);
  }
  http::remove_connection_options(head.fields);
  request.origin = find_origin(settings.forwarding, head, client.peer_text(),
                               client.is_secure() ? "https" : "http", arena);
  remove_forged_fields(settings.forwarding, request.origin, head.fields);
}

Prepared prepare(Request& request, const Snapshot& snapshot, const ListenerSettings& settings,
                 const ClientConnection& client) {
  http::RequestHead& head = request.head;
  request.governing = &snapshot.unrouted;
  const auto path = http::canonical_path(head.path, request.arena, settings.path_rules);
  if (!path) return {.refusal = &kEnds.ambiguous_path, .is_ambiguous = true};
  request.path = *path;
  if (settings.https_port != 0 && request.origin.scheme != "https") {
    if (request.host.empty()) return {.refusal = &kEnds.missing_host};
    return {.own_answer = OwnAnswer::kRedirectToHttps};
  }
  // The handshake asks for a certificate depending on the server name. A client must not avoid that with a
  // handshake for another name.
  if (settings.tls != nullptr && settings.tls->asks_by_name() && !client.asked_for_certificate() &&
      settings.tls->asks_for(request.host))
    return {.refusal = &kEnds.misdirected_request};
  const bool forwardable = may_forward(request);
  if (head.method == "OPTIONS" && (request.path == "*" || !forwardable))
    return {.own_answer = OwnAnswer::kOptions};
  request.target_path = request.path;
  const EndReason* const unrouted = find_route(request, snapshot, settings);
  take_owned_fields(request, snapshot);
  if (came_through(request.governing->pseudonym, head.fields)) return {.refusal = &kEnds.loop_detected};
  Prepared out{.refusal = unrouted, .policies = snapshot.shared_policies};
  const auto refuse = [&out](const EndReason& reason) {
    out.refusal = &reason;
    return out;
  };
  if (unrouted != nullptr) return out;
  const Route& route = *request.route;
  if (head.body.has_length() && settings.limits.body_size != 0 &&
      head.body.length > settings.limits.body_size)
    return refuse(kEnds.body_too_large);
  if (is_trace(head.method) && (!route.takes_trace || !forwardable)) {
    request.allow = kUsualMethods;
    return refuse(kEnds.trace_refused);
  }
  const auto rewritten = route.rewrite.apply(request.path, route.parameters, request.arena);
  if (!rewritten) return refuse(kEnds.bad_rewritten_path);
  request.target_path = *rewritten;
  // The request of an HTTP/2 client is only for the upgrade (RFC 8441 section 4), so it cannot be forwarded
  // without it.
  if (head.wants_upgrade && !choose_upgrade(request) && head.version == http::Version::kHttp2)
    return refuse(kEnds.protocol_not_supported);
  out.policies = route.policies.size();
  return out;
}

}  // namespace portcullis::proxy

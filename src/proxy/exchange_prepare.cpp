// What an exchange makes of a request's head before its policies run: the host, the path, the fields and the
// route that all that follows goes by, and the target receives.

#include <algorithm>

#include "base/text.h"
#include "http/authority.h"
#include "http/hop_by_hop.h"
#include "http/path.h"
#include "proxy/exchange.h"

namespace portcullis::proxy {

using http::FieldId;

namespace {

constexpr std::string_view kUsualMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

// TRACK is what some servers call it.
bool is_trace(std::string_view method) {
  return method == "TRACE" || method == "TRACK";
}

}  // namespace

// Characters that no URI has are encoded, and what a client says of its connection, or in the gateway's
// place, is gone, before anything else reads the target and the fields.
void Exchange::screen_head() {
  request_.path = http::encode_target(request_.path, arena_);
  request_.query = http::encode_target(request_.query, arena_);
  const std::string_view written = http::host_of(request_.authority);
  host_ = http::canonical_host(written, arena_);
  if (written.ends_with('.')) {
    const std::string_view port = request_.authority.substr(written.size());
    request_.authority = arena_.concat(written.substr(0, written.size() - 1), port);
  }
  http::remove_connection_options(request_.fields);
  origin_ = find_origin(settings_.forwarding, request_, client_.connection.peer_text(),
                        client_.connection.is_secure() ? "https" : "http", arena_);
  remove_forged_fields(settings_.forwarding, origin_, request_.fields);
}

bool Exchange::refusal(const EndReason& reason) {
  refusal_ = &reason;
  return false;
}

// Counts this hop where the request limits its hops (RFC 9110 section 7.6.2). False at the last one.
bool Exchange::may_forward() {
  if (request_.method != "OPTIONS" && !is_trace(request_.method)) return true;
  const http::Field* limit = request_.fields.find("max-forwards");
  const auto hops = limit == nullptr ? std::nullopt : parse_decimal(limit->value);
  if (!hops) return true;
  if (*hops > 0) request_.fields.set("max-forwards", arena_.decimal(*hops - 1));
  return *hops > 0;
}

// The route that takes the request. False when there is none, with the refusal set.
bool Exchange::find_route() {
  const Snapshot& snapshot = *snapshot_->snapshot;
  const routing::RequestView view{
      host_, path_, request_.method, request_.query, &request_.fields, settings_.address_text};
  const routing::MatchResult match = snapshot.table.match(view);
  if (match.outcome == routing::MatchOutcome::kNoRoute) return refusal(kEnds.no_route);
  if (match.outcome == routing::MatchOutcome::kMethodNotAllowed) {
    governing_ = &snapshot.routes[match.by_other_method];
    allow_ = arena_.copy(join(snapshot.table.allowed_methods(view)));
    return refusal(kEnds.method_not_allowed);
  }
  route_ = governing_ = &snapshot.routes[match.route];
  return true;
}

// Canonical path, route and limits. On false the refusal, or the gateway's own answer, is set. Once the path
// is known the top level's policies see also what is refused: whom they do not admit is not to learn which
// routes there are.
bool Exchange::prepare() {
  governing_ = &snapshot_->snapshot->unrouted;
  const auto path = http::canonical_path(request_.path, arena_, settings_.path_rules);
  if (!path) {
    close_client_ = true;
    return refusal(kEnds.ambiguous_path);
  }
  path_ = *path;
  if (settings_.https_port != 0 && origin_.scheme != "https") {
    if (host_.empty()) return refusal(kEnds.missing_host);
    own_answer_ = OwnAnswer::kRedirectToHttps;
    return false;
  }
  // A certificate is asked for by the name of the handshake; another name's connection is no way around that.
  if (settings_.tls != nullptr && settings_.tls->asks_by_name() &&
      !client_.connection.asked_for_certificate() && settings_.tls->asks_for(host_))
    return refusal(kEnds.misdirected_request);
  const bool forwardable = may_forward();
  if (request_.method == "OPTIONS" && (path_ == "*" || !forwardable)) {
    own_answer_ = OwnAnswer::kOptions;
    return false;
  }
  target_path_ = path_;
  const bool found = find_route();
  take_owned_fields();
  if (came_through(governing_->pseudonym, request_.fields)) return refusal(kEnds.loop_detected);
  policies_asked_ = snapshot_->snapshot->shared_policies;
  if (!found) return false;
  if (request_.body.has_length() && settings_.body_size != 0 && request_.body.length > settings_.body_size)
    return refusal(kEnds.body_too_large);
  if (is_trace(request_.method) && (!route_->takes_trace || !forwardable)) {
    allow_ = kUsualMethods;
    return refusal(kEnds.trace_refused);
  }
  const auto rewritten = route_->rewrite.apply(path_, route_->parameters, arena_);
  if (!rewritten) return refusal(kEnds.bad_rewritten_path);
  target_path_ = *rewritten;
  // An HTTP/2 client has asked for nothing but the switch (RFC 8441 section 4).
  if (request_.wants_upgrade && !choose_upgrade() && client_.channel != nullptr)
    return refusal(kEnds.protocol_not_supported);
  policies_asked_ = route_->policies.size();
  return true;
}

// Removes what a client sends in the place of a policy, or of a field that routes and policies have read. Of
// the fields that policies alone set, those that a policy has to read stay until the last policy has run.
void Exchange::take_owned_fields() {
  const policy::OwnedFields& owned = governing_->owned_fields;
  if (!owned.removed.empty()) {
    request_.fields.remove_if([&](const http::Field& field) { return owned.removed.contains(field.name); });
  }
  const http::FieldNames& matched = snapshot_->snapshot->matched_fields;
  if (!owned.read.empty() || !matched.empty()) {
    request_.fields.remove_if([&](const http::Field& field) {
      return field.id == FieldId::kOther &&
             (owned.read.is_imitated_by(field.name) || matched.is_imitated_by(field.name));
    });
  }
  if (owned.replaced.empty()) return;
  client_values_ = arena_.make_array<const char*>(request_.fields.size());
  size_t count = 0;
  for (const http::Field& field : request_.fields) {
    if (owned.replaced.contains(field.name)) client_values_[count++] = field.value.data();
  }
  client_values_ = client_values_.first(count);
}

// What no policy has set anew is the client's own value still.
void Exchange::drop_client_values() {
  if (client_values_.empty()) return;
  request_.fields.remove_if([this](const http::Field& field) {
    return governing_->owned_fields.replaced.contains(field.name) &&
           std::find(client_values_.begin(), client_values_.end(), field.value.data()) !=
               client_values_.end();
  });
}

// What needs no route.
Task<void> Exchange::answer_itself() {
  if (own_answer_ == OwnAnswer::kRedirectToHttps) return redirect_to_https();
  ended_ = &kEnds.options_answered;
  response_.status = 204;
  response_.fields.set("allow", kUsualMethods);
  return answer("");
}

}  // namespace portcullis::proxy

#include "proxy/reply.h"

#include <cerrno>
#include <utility>

#include "http/date.h"
#include "http/hop_by_hop.h"
#include "proxy/parse_reason.h"

namespace portcullis::proxy {

using http::BodyKind;
using http::FieldId;

const EndReason& reason_of_broken_body(const http::BodyFailure& failure, const http::MessageStream* message,
                                       const http::RelayResult& upload) {
  using Breach = http::MessageStream::Breach;
  using Kind = http::BodyFailure::Kind;
  const Breach breach = message != nullptr ? message->breach() : Breach::kNone;
  if (failure.reason != nullptr) return *failure.reason;
  switch (failure.kind) {
    case Kind::kOverloaded:
    case Kind::kMalformed:
      if (failure.malformed != http::h1::ParseError::kNone) return reason_of_bad_response(failure.malformed);
      return kEnds.upstream_malformed;
    case Kind::kCancelled:
      if (upload.source.reason != nullptr) return *upload.source.reason;
      // The request's body has failed, so the gateway has cancelled the response.
      if (upload.source.kind == Kind::kTooLarge) return kEnds.body_too_large;
      if (upload.source.kind == Kind::kMalformed) return kEnds.bad_chunk;
      return upload.source.error == ETIMEDOUT ? kEnds.body_timeout : kEnds.client_closed;
    default:
      if (failure.error == ETIMEDOUT) return kEnds.upstream_timeout;
      if (breach == Breach::kTrailersTooLarge) return kEnds.upstream_trailers_too_large;
      return breach == Breach::kMalformed ? kEnds.upstream_malformed : kEnds.upstream_closed;
  }
}

Task<void> Reply::answer_itself(OwnAnswer own) {
  if (own == OwnAnswer::kRedirectToHttps) return redirect_to_https();
  state_.record.ended = &kEnds.options_answered;
  state_.response.status = 204;
  state_.response.fields.set("allow", kUsualMethods);
  return answer("");
}

// Redirects a request without TLS to the same URL with https, when the listener requires TLS. Path and query
// are written as the client has sent them.
Task<void> Reply::redirect_to_https() {
  state_.record.ended = &kEnds.redirected_to_https;
  const Request& request = state_.request;
  Arena& arena = state_.request.arena;
  const bool standard = state_.settings->https_port == 443;
  const std::string_view port = standard ? "" : arena.concat(":", arena.decimal(state_.settings->https_port));
  const std::string_view path = request.head.path == "*" ? "" : request.head.path;
  state_.response.status = 308;
  state_.response.fields.set("location", arena.concat("https://", request.host, port, path,
                                                      request.head.has_query ? "?" : "", request.head.query));
  return answer("");
}

// Called just before the final response is sent.
void Reply::begin() {
  if (state_.client.connection.closing()) close_after();
  state_.record.status = state_.response.status;
  const Snapshot& snapshot = *state_.snapshot->snapshot;
  if (!snapshot.revision_header.empty())
    state_.response.fields.set(snapshot.revision_header, snapshot.revision_text);
  if (state_.worker.logging())
    state_.record.keep_fields(state_.response.fields, snapshot.log_format, state_.request.arena);
}

// Writes the fields that are the same in all versions of HTTP.
void Reply::write_fields(http::HeadWriter& out, BodyKind kind) const {
  const http::ResponseHead& head = state_.response;
  // Responses with these statuses never have a Content-Length (RFC 9110 section 8.6). In other responses
  // without a body the length is that of the response to a GET, or an explicit zero.
  const bool has_no_length = head.status < 200 || head.status == 204;
  const bool tells_length = !has_no_length && (kind == BodyKind::kLength || kind == BodyKind::kNone);
  bool is_dated = false;
  for (const http::Field& field : head.fields) {
    if (field.id == FieldId::kXRequestId) continue;
    is_dated |= field.id == FieldId::kDate;
    if (field.id == FieldId::kContentLength && tells_length) {
      out.field("content-length", field.value);
      continue;
    }
    if (!http::is_hop_by_hop(field.id)) out.field(field.name, field.value);
  }
  for (const std::string_view cookie : cookies_) {
    if (!cookie.empty()) out.field("set-cookie", cookie);
  }
  if (head.status < 200) return;
  if (!is_dated) out.field("date", http::current_date());  // RFC 9110 section 6.6.1
  out.field("x-request-id", state_.request.id);
  if (!state_.settings->hsts.empty() && head.fields.find("strict-transport-security") == nullptr)
    out.field("strict-transport-security", state_.settings->hsts);
}

// Makes the final response for a message stream. `fields` must outlive the returned value.
http::ResponseToSend Reply::to_send(BodyKind kind, FunctionRef<void(http::HeadWriter&)> fields,
                                    size_t expected_size) const {
  return {.head = state_.response,
          .body = kind,
          .to_head_request = state_.request.head.method == "HEAD",
          .closes = closes(),
          .expected_size = expected_size,
          .fields = fields};
}

// Carries out `decision`, and shows the response to the policies that have not seen one. False when another
// response was sent instead, or when the client has left.
Task<bool> Reply::settle(policy::Decision decision) {
  using Decided = policy::Decision::Kind;
  while (decision.kind == Decided::kSuspend) {
    Task<std::optional<policy::Decision>> waiting =
        state_.unless_left(policy::settle(std::move(decision.later)));
    std::optional<policy::Decision> settled = co_await waiting;
    if (!settled) {
      state_.record.ended = &kEnds.client_closed;
      close_after();
      co_return false;
    }
    decision = std::move(*settled);
    if (decision.kind == Decided::kContinue) decision = chain_.respond();
  }
  if (decision.kind == Decided::kContinue) co_return true;
  if (decision.kind == Decided::kBroken) {
    const EndReason* why = &reason_of_broken_body(state_.context.response_body.failure(), nullptr, {});
    state_.record.decided_by = chain_.last_asked().name;
    take_back();
    co_await refuse_with(502, *why, kEnds.upstream_failed);
  } else {
    Task<void> answering = answer_in_place(decision);
    co_await answering;
  }
  co_return false;
}

Task<void> Reply::answer_in_place(const policy::Decision& decision) {
  using Decided = policy::Decision::Kind;
  state_.record.decided_by = chain_.last_asked().name;
  state_.record.forget_error();
  state_.context.from_target = false;
  chain_.take_back();
  if (decision.kind == Decided::kRefuse) {
    state_.response = {};
    co_await refuse(decision);
    co_return;
  }
  Task<void> answering = answer(decision);
  co_await answering;
}

Task<void> Reply::answer(const policy::Decision& decision) {
  state_.record.ended = decision.reason;
  return decision.text ? answer(*decision.text) : answer_with_body();
}

Task<void> Reply::answer_with_body() {
  if (state_.body_pending()) close_after();
  policy::Decision decision = chain_.respond();
  if (decision.kind != policy::Decision::Kind::kContinue) {
    Task<bool> settling = settle(std::move(decision));
    if (!co_await settling) co_return;
  }
  Task<void> serving = serve();
  co_await serving;
}

Task<void> Reply::answer(std::string_view body) {
  http::ResponseHead& head = state_.response;
  policy::ResponseBody& through = state_.context.response_body;
  if (state_.body_pending()) close_after();
  head.reason = http::reason_phrase(head.status);
  if (head.status == 205) body = {};  // the response then has an explicit length of zero
  through.begin(body);
  head.body = {};
  if (!http::has_no_content(head.status)) policy::set_length(state_.context, body.size());
  policy::Decision decision = chain_.respond();
  if (decision.kind != policy::Decision::Kind::kContinue) {
    Task<bool> settling = settle(std::move(decision));
    if (!co_await settling) co_return;
  }
  if (through.is_replaced()) {
    Task<void> serving = serve();
    co_return co_await serving;
  }
  const bool bodiless = http::has_no_content(head.status);  // a policy may have changed the status
  if (through.is_changed() && !bodiless) {
    // The text passes the stages of policies. A stage may fail, because a body that a policy has fetched may
    // not have the coding that its Content-Encoding names.
    Task<bool> holding = through.hold(SIZE_MAX);
    const bool is_whole = co_await holding;
    if (!is_whole) {
      const EndReason* why = through.failure().reason;
      state_.record.ended = why != nullptr ? why : &kEnds.upstream_malformed;
      head.status = 502;
      head.reason = http::reason_phrase(502);
      head.fields.remove("content-encoding");
    }
    body = is_whole ? through.text() : std::string_view();
    policy::set_length(state_.context, body.size());
  }
  const bool to_head_request = state_.request.head.method == "HEAD";
  if (bodiless || to_head_request) body = {};
  state_.record.response_bytes = body.size();
  begin();
  const auto fields = [this](http::HeadWriter& out) { write_fields(out, BodyKind::kLength); };
  const http::ResponseToSend response = to_send(BodyKind::kLength, fields);
  Task<IoResult> sending = state_.client.message.send_whole(response, body);
  const IoResult sent = co_await sending;
  if (!sent.ok()) close_after();
  if (sent.error == ETIMEDOUT) state_.record.ended = &kEnds.send_timeout;
}

Task<IoResult> Reply::send_interim() {
  const auto fields = [this](http::HeadWriter& out) { write_fields(out, BodyKind::kNone); };
  const http::ResponseToSend response{.head = state_.response, .body = BodyKind::kNone, .fields = fields};
  Task<IoResult> sending = state_.client.message.send_interim(response);
  const IoResult sent = co_await sending;
  if (sent.error == ETIMEDOUT) state_.record.ended = &kEnds.send_timeout;
  co_return sent;
}

Task<IoResult> Reply::switch_protocols() {
  state_.client.message.translate_upgrade(state_.response);
  begin();
  close_after();
  return send_interim();
}

Task<http::RelayResult> Reply::send(http::BodySource& body, size_t head_size) {
  const BodyKind kind = state_.client.message.kind_of_body(state_.response);
  // A policy may have set a body even for a response that must not have one.
  const bool ends_here = kind == BodyKind::kNone || state_.request.head.method == "HEAD" ||
                         state_.kind == ExchangeState::Kind::kRehearsed;
  if (kind == BodyKind::kUntilClose && !ends_here) close_after();
  begin();
  const auto fields = [this, kind](http::HeadWriter& out) { write_fields(out, kind); };
  const http::ResponseToSend response = to_send(kind, fields, head_size + 512);
  if (ends_here) {
    Task<IoResult> sending = state_.client.message.send_whole(response, {});
    const IoResult sent = co_await sending;
    co_return http::RelayResult{.sink_failed = !sent.ok(), .sink_error = sent.error};
  }
  state_.client.message.begin(response);
  const auto arrange = [this] { state_.watch.arrange(); };
  Task<http::RelayResult> relaying =
      http::relay_body(body, state_.client.message, state_.settings->timeouts.send, arrange);
  co_return co_await relaying;
}

Task<void> Reply::serve() {
  static constexpr size_t kUsualHead = 512;
  policy::ResponseBody& body = state_.context.response_body;
  state_.response.version = http::Version::kHttp11;
  const ClientWatch::Scope watching(state_.watch);
  state_.watch.begin([&body] { body.cancel(); }, nullptr, state_.behind_request());
  // The response has not ended in this way before all of it has been sent.
  const EndReason* const ended = std::exchange(state_.record.ended, &kEnds.client_closed);
  Task<http::RelayResult> sending = send(body.source(), kUsualHead);
  const http::RelayResult sent = co_await sending;
  state_.record.ended = ended;
  conclude(sent, reason_of_broken_body(sent.source, nullptr, {}));
}

void Reply::conclude(const http::RelayResult& sent, const EndReason& why) {
  Record& record = state_.record;
  record.response_bytes = sent.bytes;
  if (sent.ok()) return;
  if (state_.watch.gone()) {
    record.ended = &kEnds.client_closed;
  } else if (sent.sink_failed) {
    record.ended = sent.sink_error == ETIMEDOUT ? &kEnds.send_timeout : &kEnds.client_closed;
  } else {
    record.ended = &why;
    state_.client.message.reset_on_close();
  }
  leave();
}

void Reply::leave() {
  close_after();
  state_.client.message.leave();
}

void Reply::take_back() {
  state_.record.status = 0;
  state_.record.response_fields = nullptr;
  state_.record.forget_error();
  state_.context.from_target = false;
  chain_.take_back();
  state_.response = {};
}

}  // namespace portcullis::proxy

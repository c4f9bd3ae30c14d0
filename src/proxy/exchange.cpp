#include "proxy/exchange.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "http/authority.h"
#include "proxy/parse_reason.h"

namespace portcullis::proxy {

using http::BodyKind;
using http::FieldId;
using http::h1::ParseState;

namespace {

void note_decision(telemetry::PolicyMetrics& metrics, policy::Decision::Kind kind) {
  switch (kind) {
    case policy::Decision::Kind::kContinue: metrics.continued.add(); break;
    case policy::Decision::Kind::kRefuse: metrics.refused.add(); break;
    default: metrics.answered.add();
  }
}

}  // namespace

Exchange::Exchange(Client client)
    : client_(client),
      worker_(client.connection.worker()),
      snapshot_(worker_.current()),
      settings_(client.connection.settings()),
      context_{worker_.loop(), arena_, request_, response_},
      held_body_(client, request_) {
  context_.body_limit = settings_.body_size;
  context_.errands = this;
}

Exchange::~Exchange() {
  if (policies_begun_ > 0 && governing_->watches_end) {
    for (size_t i = first_policy_; i < policies_begun_; ++i) {
      if (governing_->policies[i]->watches_end()) governing_->policies[i]->on_end(context_);
    }
  }
  if (is_errand_ || rehearsal_ != nullptr) return;
  if (!has_head_ && refusal_ == nullptr) return;  // no request: the client left before it had said one
  const std::vector<telemetry::RouteMetrics*>& shards =
      route_ != nullptr ? route_->metrics : snapshot_->snapshot->unrouted.metrics;
  telemetry::RouteMetrics& metrics = *shards[worker_.index()];
  // A status from 600 on, which a lenient upstream may send, counts as 5xx (RFC 9110 section 15).
  const size_t status_class = answered_ ? std::min(response_.status / 100u, 5u) : 0;
  metrics.responses[status_class].add();
  if (const identity::Consumer* consumer = context_.caller.consumer)
    snapshot_->snapshot->consumer_metrics[consumer->index][worker_.index()]->responses[status_class].add();
  const Clock::time_point ended_at = Clock::now();
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(ended_at - started_);
  metrics.duration.note(took);
  if (branch_ != nullptr && !branch_->metrics.empty()) {
    branch_->metrics[worker_.index()]->responses[status_class].add();
    const bool cut_off =
        context_.from_target && ended_ != &kEnds.complete && ended_->ended_by == telemetry::EndedBy::kTarget;
    if (branch_->rollback && answered_) branch_->rollback->note(response_.status, cut_off, ended_at);
  }
  metrics.request_body_bytes.add(request_bytes_);
  metrics.response_body_bytes.add(response_bytes_);
  if (worker_.measures()) note_own_time(metrics);
  const int64_t now = std::chrono::duration_cast<std::chrono::seconds>(ended_at.time_since_epoch()).count();
  const bool notable =
      worker_.notables().wants(answered_ ? response_.status : uint16_t{0}, *ended_, took, now);
  if (worker_.logging() || notable) {
    const telemetry::AccessEntry entry = log_entry(ended_at);
    if (worker_.logging()) worker_.log(snapshot_->snapshot->log_format, entry);
    if (notable) worker_.notables().note(entry, now);
  }
  if (trace_ != nullptr) tell_trace(ended_at);
}

// What the gateway itself took, beside what it waited for targets.
void Exchange::note_own_time(telemetry::RouteMetrics& metrics) const {
  if (head_received_ == Clock::time_point{} || response_received_ == Clock::time_point{}) return;
  const auto count = [](Clock::duration time) {
    return static_cast<uint64_t>(
        std::max<int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(time).count(), 0));
  };
  metrics.measured.add();
  metrics.waited.add(count(waited_));
  metrics.own.add(count(response_received_ - head_received_ - waited_));
}

// The response's head lies in a buffer that goes before the line is written: of its fields those stay that
// the line will have.
void Exchange::keep_logged_fields() {
  const telemetry::LogFormat& format = snapshot_->snapshot->log_format;
  if (!worker_.logging() || !format.has_response_fields()) return response_.fields.clear();
  http::Fields kept;
  for (const http::Field& field : response_.fields) {
    if (format.has_response_field(field.name))
      kept.add(arena_.copy(field.name), arena_.copy(field.value), field.id);
  }
  response_.fields = kept;
}

telemetry::AccessEntry Exchange::log_entry(Clock::time_point ended_at) const {
  const auto since_start = [this](Clock::time_point moment) {
    if (moment == Clock::time_point{}) return std::chrono::microseconds(-1);
    return std::chrono::duration_cast<std::chrono::microseconds>(moment - started_);
  };
  telemetry::AccessEntry entry;
  entry.request_id = request_id_;
  entry.peer = client_.connection.peer_text();
  entry.client = origin_.client.empty() ? entry.peer : origin_.client;
  if (has_head_) {  // else the views are of a head that was never whole
    entry.method = request_.method;
    entry.host = host_;
    entry.path = request_.path;
    entry.canonical_path = path_;
    entry.query = request_.query;
    static constexpr std::string_view kVersions[] = {"HTTP/1.0", "HTTP/1.1", "HTTP/2"};
    entry.version = kVersions[static_cast<size_t>(request_.version)];
    entry.request_fields = &request_.fields;
  }
  if (route_ != nullptr) {
    entry.route = route_->name;
    if (branch_ != nullptr) {
      entry.upstream = upstream().definition().name;
      entry.branch = branch_->name;
    }
  }
  if (target_ != nullptr) entry.target = target_->definition().name;
  if (context_.caller.consumer != nullptr) entry.consumer = context_.caller.consumer->name;
  entry.credential = context_.caller.credential;
  entry.status = answered_ ? response_.status : uint16_t{0};
  entry.ended = ended_;
  entry.policy = decided_by_;
  entry.note = context_.note;
  entry.cache = context_.cache_outcome;
  entry.request_bytes = request_bytes_;
  entry.response_bytes = response_bytes_;
  entry.tries = tries_;
  entry.request_head = since_start(head_received_);
  entry.response_head = since_start(response_received_);
  entry.total = since_start(ended_at);
  entry.targets = std::chrono::duration_cast<std::chrono::microseconds>(waited_);
  if (answered_) entry.response_fields = &response_.fields;
  return entry;
}

Task<Persistence> Exchange::run() {
  started_ = worker_.loop().now();  // when its first bytes, or a batch with them, came: a wait here counts
  const bool complete = co_await read_head();
  if (!complete) {
    if (refusal_ != nullptr) co_await refuse(*refusal_);
    co_return Persistence::kClose;
  }
  screen_head();
  choose_request_id();
  if (snapshot_->snapshot->tracing && rehearsal_ == nullptr) begin_trace();
  const bool prepared = prepare();
  if (rehearsal_ != nullptr) note_prepared();
  if (own_answer_ != OwnAnswer::kNone) {
    co_await answer_itself();
    co_return persistence_after_answer();
  }
  if (worker_.overloaded() && (prepared || policies_asked_ > 0)) {
    if (rehearsal_ == nullptr) worker_.note_shed();
    co_await shed();
    co_return persistence_after_answer();
  }
  if (policies_asked_ > 0 || (prepared && route_->split.needs_context())) fill_context();
  if (policies_asked_ > 0) {
    if (co_await consult_policies()) co_return persistence_after_answer();
    target_path_ = context_.target_path;
    drop_client_values();
  }
  if (!prepared) {
    co_await refuse(*refusal_);
    co_return persistence_after_answer();
  }
  if (route_->split.empty()) {
    co_await refuse(kEnds.no_upstream);
    co_return persistence_after_answer();
  }
  if (rehearsal_ != nullptr) {
    note_forwarding();
    co_return Persistence::kClose;
  }
  branch_ = choose_branch();
  co_return co_await forward();
}

// A body that nobody has read leaves the connection at an unknown place.
Persistence Exchange::persistence_after_answer() {
  if (!request_.keep_alive || close_client_ || body_pending()) return Persistence::kClose;
  keep_rest(unread());
  return Persistence::kKeepAlive;
}

// What policies, and keys for hashing, know of the exchange.
void Exchange::fill_context() {
  context_.client_address = origin_.client;
  context_.scheme = origin_.scheme;
  context_.client_certificate = client_.connection.certificate().get();
  context_.host = host_;
  const std::string_view port = http::port_of(request_.authority, origin_.scheme);
  context_.authority = port.empty() ? host_ : arena_.concat(host_, ":", port);
  context_.forwarded_host = origin_.host;
  context_.path = path_;
  context_.target_path = target_path_;
  context_.worker = worker_.index();
  held_body_.begin_at(head_size_);
  context_.body = &held_body_;
  context_.request_id = request_id_;
  context_.pseudonym = governing_->pseudonym;
  if (route_ == nullptr) return;
  context_.parameters = &route_->parameters;
  // Policies come before the choice of a branch, which may depend on what they find: they know the first.
  if (!route_->split.empty())
    context_.upstream = snapshot_->upstreams[route_->split.branches()[0].upstream]->definition().name;
  context_.route = route_->name;
}

// Who answers, of those among whom the route divides its requests.
const Branch* Exchange::choose_branch() {
  const Split& split = route_->split;
  if (const Branch* only = split.only()) return only;
  const Clock::time_point now = worker_.loop().now();
  if (const Branch* wanted = split.by_condition(context_, now)) return wanted;
  const auto known = split.known_place(context_);
  const uint32_t place = known ? *known : static_cast<uint32_t>(worker_.random());
  if (!known && !split.sticky().cookie.empty())
    place_cookie_ = write_place(split.sticky(), place, origin_.scheme == "https", arena_);
  return &split.by_place(place, now);
}

// The request side of the chain. True when a policy has answered, or the client has left meanwhile.
Task<bool> Exchange::consult_policies() {
  while (policies_begun_ < policies_asked_) {
    const PlacedPolicy& one = governing_->policies[policies_begun_];
    policies_run_ = ++policies_begun_;
    // What decides at once is only worth a span in a trace that will be told.
    Span* span = trace_ != nullptr && trace_->context.sampled ? begin_span(one.name) : nullptr;
    policy::Decision decision = one->on_request(context_);
    if (decision.kind == policy::Decision::Kind::kSuspend) {
      Task<std::optional<policy::Decision>> settling = unless_left(policy::settle(std::move(decision.later)));
      std::optional<policy::Decision> settled = co_await settling;
      if (!settled) {
        end_span(span, "client_gone");
        ended_ = &kEnds.client_closed;
        close_client_ = true;
        co_return true;
      }
      decision = std::move(*settled);
    }
    if (rehearsal_ == nullptr) {
      note_decision(*one.metrics[worker_.index()], decision.kind);
    } else {
      note_rehearsed(one, decision);
    }
    end_span(span, decision.reason == nullptr ? std::string_view("continued") : decision.reason->name);
    if (decision.kind == policy::Decision::Kind::kContinue) continue;
    if (decision.kind == policy::Decision::Kind::kUnknown) co_return true;
    decided_by_ = one.name;
    if (decision.kind == policy::Decision::Kind::kAnswer) {
      ended_ = decision.reason;
      co_await answer(decision.text);
    } else if (decision.kind == policy::Decision::Kind::kServe) {
      ended_ = decision.reason;
      finish_policies();
      Task<void> sending = send_stored();
      co_await sending;
    } else {
      co_await refuse(decision);
    }
    co_return true;
  }
  co_return false;
}

// The response side, in reverse, for the policies that saw the request.
void Exchange::finish_policies() {
  if (governing_ == nullptr) return;  // no policy has seen a request
  if (governing_->marks_answers) mark_answer();
  while (policies_run_ > first_policy_) {
    const bool stored = static_cast<bool>(context_.storing);
    governing_->policies[--policies_run_]->on_response(context_);
    // What has been encoded until here is kept so; what is set later is for this client.
    if (!stored && context_.storing) stored_encoder_ = std::move(context_.encoder);
  }
}

// The policies that mark every answer, and whose turn has not come: all of them, when the response that they
// had seen has been taken back.
void Exchange::mark_answer() {
  if (std::exchange(marked_, true)) return;
  for (size_t i = governing_->policies.size(); i > (taken_back_ ? first_policy_ : policies_begun_); --i) {
    if (governing_->policies[i - 1]->marks_every_answer()) governing_->policies[i - 1]->on_response(context_);
  }
}

// Reads until the head is complete. On false there is a refusal to send, or nobody to send it to.
Task<bool> Exchange::read_head() {
  if (client_.channel != nullptr) co_return take_http2_head();
  http::h1::RequestParser parser(settings_.head_limits);
  InputBuffer& input = client_.input;
  // RFC 9112 section 2.2: tolerate an empty line before the request line.
  while (input.content().starts_with("\r\n")) input.begin += 2;
  const auto deadline = worker_.loop().now() + settings_.head_timeout;
  for (;;) {
    const ParseState state = parser.parse(input.content(), request_);
    if (state == ParseState::kDone) break;
    if (state == ParseState::kFailed) {
      refusal_ = &reason_of_bad_request(parser.error());
      co_return false;
    }
    const std::span<char> room = input.room();  // the parser follows when the content moves
    const Milliseconds left = time_until(deadline, worker_.loop());
    const IoResult got = co_await client_.stream.read(room.data(), room.size(), left);
    if (got.error == ETIMEDOUT) refusal_ = &kEnds.head_timeout;
    if (!got.ok() || got.bytes == 0) co_return false;
    input.end += got.bytes;
  }
  head_size_ = parser.head_size();
  has_head_ = true;
  if (worker_.measures()) head_received_ = Clock::now();
  co_return true;
}

void Exchange::choose_request_id() {
  const http::Field* given = request_.fields.find(FieldId::kXRequestId);
  if (given != nullptr && !given->value.empty() && given->value.size() <= 128) {
    request_id_ = given->value;
    return;
  }
  char* text = arena_.allocate(32, 1);
  for (size_t word = 0; word < 2; ++word) write_hex(text + word * 16, worker_.random(), 16);
  request_id_ = {text, 32};
}

}  // namespace portcullis::proxy

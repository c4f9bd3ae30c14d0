#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "http/h1/head_parser.h"
#include "http/message.h"
#include "policy/policy.h"
#include "proxy/client.h"
#include "proxy/client_connection.h"
#include "proxy/client_watch.h"
#include "proxy/head_writer.h"
#include "proxy/held_body.h"
#include "proxy/mirror.h"
#include "proxy/sticky.h"
#include "proxy/unless_left.h"
#include "proxy/worker.h"

namespace portcullis::proxy {

using telemetry::EndReason;
using telemetry::kEnds;

enum class Persistence : uint8_t { kKeepAlive, kClose };

// Whether anything follows a head.
enum class EndOfMessage : uint8_t { kHere, kLater };

// One request and its response, from the first byte of the head to the last byte sent. Lives on its worker's
// thread, owned by the connection's coroutine, or that of its stream.
class Exchange final : public Pooled, private policy::Errands {
 public:
  explicit Exchange(Client client);

  // The request of `original` once more, for nobody: see policy::Errands.
  Exchange(Client client, const Exchange& original, const void* sender,
           const std::function<void(policy::Context&)>& prepare);
  // Its story, from behind the policy that wanted it.
  Task<void> run_errand();

  // The whole story. Returns what is to become of the client's connection.
  Task<Persistence> run();
  // What would become of the request that the client's connection holds: the story without a target, which
  // leaves nothing behind.
  Task<void> rehearse(policy::Purpose purpose, Rehearsal& rehearsal);
  // Counts what has ended, however it ended.
  ~Exchange();

 private:
  // A try's end: the response was passed on, or nothing reached the client and another target may be asked.
  enum class TryOutcome : uint8_t {
    kAnswered,
    kConnectFailed,
    kStaleConnection,
    kFailed,
    kTimedOut,
    kBadAnswer,     // a status for which the request is sent again
    kOverloaded,    // the upstream has enough to do
    kNotConverted,  // a target has answered, but there was no room, or no time, to convert its answer
    kClientGone
  };

  // What the gateway answers by itself, whatever the routes are.
  enum class OwnAnswer : uint8_t { kNone, kRedirectToHttps, kOptions };

  Task<bool> read_head();
  bool take_http2_head();
  bool translate_websocket();
  void screen_head();
  bool refusal(const EndReason& reason);
  bool may_forward();
  bool find_route();
  bool prepare();
  void take_owned_fields();
  void drop_client_values();
  bool choose_upgrade();
  void fill_context();
  Task<bool> consult_policies();
  void finish_policies();
  void mark_answer();
  void note_prepared();
  void note_rehearsed(const PlacedPolicy& one, const policy::Decision& decision);
  void note_forwarding();
  const Branch* choose_branch();
  // The branch's, once it has been chosen.
  upstream::Upstream& upstream() const { return *snapshot_->upstreams[branch_->upstream]; }
  Persistence persistence_after_answer();
  Task<Persistence> forward();
  Task<TryOutcome> try_target(upstream::Upstream& upstream, upstream::Target& target, bool fresh);
  Task<TryOutcome> connect(upstream::Upstream& upstream, upstream::Target& target,
                           std::unique_ptr<upstream::Connection>& connection);
  void watch_client(std::unique_ptr<upstream::Connection>& connection, const BodySource& request);
  template <typename T>
  Task<std::optional<T>> unless_left(Task<T> task);
  Task<bool> wait_before_retry(Milliseconds time);
  std::string_view behind_request() const;
  Block block_for_response() const;
  Task<TryOutcome> wait_for_target(upstream::Connection& connection, Milliseconds patience);
  Milliseconds patience_for_head(const upstream::UpstreamDefinition& upstream) const;
  TryOutcome ask_elsewhere();
  bool may_send_body_again() const;
  Task<TryOutcome> read_http1_head(upstream::Connection& connection, InputBuffer& input, size_t& head_size);
  Task<TryOutcome> read_http2_head(upstream::Connection& connection);
  Task<TryOutcome> read_response_head(upstream::Connection& connection, InputBuffer& input,
                                      size_t& head_size);
  class LoggedFields;
  class Race;
  struct Hedge;
  bool may_hedge(const upstream::UpstreamDefinition& upstream) const;
  Task<TryOutcome> read_first_head(std::unique_ptr<upstream::Connection>& connection, InputBuffer& input,
                                   size_t& head_size, BodySource& body, TaskGroup& upload);
  Task<void> run_hedge(Race& race, unsigned number);
  Task<TryOutcome> ask_hedge(Race& race, Hedge& hedge);
  Task<IoResult> send_whole_request(upstream::Connection& connection);
  Task<TryOutcome> receive_response(std::unique_ptr<upstream::Connection>& connection, BodySource& body,
                                    TaskGroup& upload);
  Task<TryOutcome> convert_response(BodySource& source);
  void store_response(std::unique_ptr<upstream::Connection> connection, BodySource& source,
                      InputBuffer input);
  Task<void> send_stored();
  void drop_content();
  const EndReason& reason_of_broken_body(const RelayResult& sent, const BodySource& source) const;
  TryOutcome take_back_response(const RelayResult& sent, const BodySource& source);
  Task<void> leave_response(std::unique_ptr<upstream::Connection> connection, BodySource& source);
  void conclude(const RelayResult& sent, const BodySource& source);
  void leave_client();
  bool send(const void* sender, const std::function<void(policy::Context&)>& prepare) override;
  Task<void> upload_body(std::string_view head, BodySource& body, upstream::Connection& connection);
  static bool names_upgrade(const http::Fields& fields, std::string_view protocol);
  bool switches_as_asked() const;
  void translate_tunnel();
  Task<void> join_streams(upstream::Connection& connection, std::string_view from_client,
                          std::string_view from_target, bool websocket);

  // A stretch of the exchange's time. In the arena.
  struct Span {
    std::string_view name{};
    uint64_t id = 0;
    Clock::time_point begin{};
    Clock::time_point end{};                   // none: it goes on to the exchange's
    const upstream::Target* target = nullptr;  // of a try
    std::string_view outcome{};
    uint16_t status = 0;
    Span* next = nullptr;
  };
  struct Trace {
    telemetry::TraceContext context{};  // its span is the gateway's
    uint64_t parent = 0;                // the client's span
    bool records = false;               // it may be told of
    Span* spans = nullptr;
    Span* try_span = nullptr;  // of the try in hand
  };
  void begin_trace();
  void end_try_span(TryOutcome outcome);
  Span* begin_span(std::string_view name);
  static void end_span(Span* span, std::string_view outcome, uint16_t status = 0);
  void write_trace_fields(HeadWriter& out) const;
  void tell_trace(Clock::time_point ended_at) const;

  void choose_request_id();
  http::BodyKind upload_kind() const;
  void write_request_fields(HeadWriter& out) const;
  void write_request_head(HeadWriter& out) const;
  void write_response_fields(HeadWriter& out, http::BodyKind kind) const;
  void write_response_head(HeadWriter& out, http::BodyKind kind) const;
  bool write_http2_head(http::BodyKind kind, EndOfMessage end);
  Task<bool> send_http2_head(http::BodyKind kind, EndOfMessage end);
  Task<IoResult> begin_http2_response(http::BodyKind kind);
  Task<IoResult> send_http2_request(upstream::Connection& connection);
  Task<bool> send_interim_head(size_t received_size);
  Task<TryOutcome> open_tunnel(upstream::Connection& connection, BodySource& body, TaskGroup& upload,
                               std::string_view from_target, size_t head_size);
  Task<bool> accept_upgrade(size_t received_size);
  Task<bool> send_text(std::string_view text);
  Task<void> refuse(const EndReason& reason);
  Task<void> refuse_with(uint16_t status, const EndReason& reason, const EndReason& told);
  Task<void> shed();
  Task<void> refuse(const policy::Decision& decision);
  Task<void> send_problem(uint16_t status, std::string_view detail);
  bool is_grpc_call() const;
  std::string_view grpc_type() const;
  Task<void> answer(std::string_view body);
  Task<void> answer_itself();
  Task<void> redirect_to_https();
  std::string_view unread() const;
  // Some of the request's body may still be on its way.
  bool body_pending() const { return request_.body.kind != http::BodyKind::kNone && !held_body_.held(); }
  void keep_rest(std::string_view rest);
  void keep_logged_fields();
  void end_wait();
  void note_own_time(telemetry::RouteMetrics& metrics) const;
  telemetry::AccessEntry log_entry(Clock::time_point ended_at) const;
  upstream::Target* choose_target(upstream::Upstream& upstream);
  void keep_with(const upstream::UpstreamDefinition& upstream, const upstream::Target& target);
  TryOutcome fail(const EndReason& why);
  void note_try(upstream::Target& target, TryOutcome outcome);
  void note_health(upstream::Target& target, TryOutcome outcome);
  bool idempotent() const;
  bool may_repeat() const;
  bool may_retry() const;
  bool grant_retry(upstream::Upstream& upstream, TryOutcome outcome);
  bool take_retry(upstream::Upstream& upstream, upstream::RetryBudget& budget, std::string_view spent);
  bool pay_for_retry(upstream::Upstream& upstream, Milliseconds pause);
  bool wants_another(upstream::Upstream& upstream);
  Milliseconds time_left() const;
  Task<bool> hold_for_retries(const upstream::UpstreamDefinition& upstream);
  Task<Persistence> give_up(TryOutcome outcome);
  void prepare_mirroring();
  void mirror();

  Client client_;
  Worker& worker_;
  std::shared_ptr<WorkerSnapshot> snapshot_;
  const ListenerSettings& settings_;
  const Route* route_ = nullptr;  // takes the request
  const Route* governing_ =
      nullptr;  // whose policies see it: route_, or what stands for it where none takes the request
  const Branch* branch_ = nullptr;  // of the route, once it is known who is asked
  std::string_view path_;           // canonical, as matched
  std::string_view target_path_;    // as the target gets it
  std::string_view host_;           // lower case, without port
  Origin origin_;
  std::string_view request_id_;
  std::string_view allow_;
  const EndReason* refusal_ = nullptr;  // why the request is refused, once its policies have seen it
  bool has_head_ = false;               // the request's has come whole
  size_t head_size_ = 0;                // of HTTP/1
  bool answered_ = false;               // bytes of the final response have been sent
  bool close_client_ = false;
  std::unique_ptr<policy::ResponseConverter> stored_encoder_;  // of what is being stored
  std::unique_ptr<policy::ResponseConverter> chain_;           // of two converters
  bool stored_keep_alive_ = false;                             // the target's connection may be used again
  OwnAnswer own_answer_ = OwnAnswer::kNone;
  std::span<const char*> client_values_{};  // of fields that policies alone set, until they have run
  bool extended_connect_ = false;           // an upgrade that goes to an HTTP/2 target
  unsigned refusals_ = 0;                // by targets that speak HTTP/2, which have not looked at the request
  const BodySource* sending_ = nullptr;  // the request's body, during a try
  InputBuffer replay_;                   // all of it, where it is to be sent again
  RelayResult upload_result_;
  bool upload_done_ = true;
  const EndReason* failure_ = nullptr;  // why the last try failed, for the log; clients are told less
  Clock::time_point started_;
  Clock::time_point try_started_;
  Clock::time_point request_sent_;                         // or the last interim response received
  Clock::time_point deadline_ = Clock::time_point::max();  // for the response's head
  unsigned retries_ = 0;                                   // that have been granted
  Milliseconds retry_pause_{0};                            // before the next try
  Clock::time_point asked_at_{};                           // the try in hand; none: its wait is over
  Clock::duration waited_{};                               // for targets, in all tries
  uint16_t received_status_ = 0;                           // a target's, whatever the client gets
  Clock::duration try_latency_{};                          // to the response's head
  Clock::time_point head_received_;
  Clock::time_point response_received_;
  const EndReason* ended_ = &kEnds.client_closed;
  std::string_view decided_by_{};       // the policy that has refused or answered the request
  upstream::Target* target_ = nullptr;  // the last one tried; its upstream is the snapshot's
  upstream::InFlight in_flight_;        // there; and what keeps it, when it is no target any more
  uint64_t tried_ = 0;                  // targets, a bit each
  unsigned tries_ = 0;
  std::optional<upstream::Breaker::Slot> retry_slot_;  // once it has been sent again
  std::shared_ptr<MirroredRequest> mirrored_;          // what goes to others, too
  std::optional<uint64_t> sought_;                     // the hash that the balancer goes by
  std::optional<StickyVisit> visit_;                   // what the client's cookie says
  std::string_view set_cookie_;                        // what it is told to say from now on
  std::string_view place_cookie_;                      // likewise, of its place in a split
  uint64_t request_bytes_ = 0;                         // of the body
  uint64_t response_bytes_ = 0;                        // of the body
  std::string converted_;                              // the body, where it was converted whole
  Arena arena_;
  http::RequestHead request_;
  http::ResponseHead response_;
  policy::Context context_;
  HeldBody held_body_;
  Block spent_;                // where the head lies, once the client's input is elsewhere
  size_t policies_run_ = 0;    // how many have seen the request and are to see the response
  size_t policies_begun_ = 0;  // how many have seen the request
  size_t policies_asked_ = 0;  // how many of the governing route's are to see the request
  bool marked_ = false;        // the policies whose turn did not come have marked the answer
  bool taken_back_ = false;  // a response that the policies had seen has been, and another one stands for it
  size_t first_policy_ = 0;  // of an errand: those before have nothing to do with it
  bool is_errand_ = false;
  Rehearsal* rehearsal_ = nullptr;  // null: a client waits for the answer
  Trace* trace_ = nullptr;          // null: nobody traces
  ClientWatch client_watch_{client_, settings_.half_close};
};

// What `task` yields; nothing when the client leaves before that, which is what the exchange ends with then.
// For what an exchange waits for before a target has its request. Others than its client may wait for the
// answer, and nothing is given up then.
template <typename T>
Task<std::optional<T>> Exchange::unless_left(Task<T> task) {
  UnlessLeft<T> waiting(worker_.loop(), std::move(task));
  const ClientWatch::Scope watching(client_watch_);
  const bool is_watched = !waiting.done() && !context_.awaited && !is_errand_ && rehearsal_ == nullptr;
  if (is_watched) {
    client_watch_.begin([&waiting] { waiting.give_up(); }, nullptr, behind_request());
    client_watch_.arrange();
  }
  co_return co_await waiting;
}

}  // namespace portcullis::proxy

#include "proxy/record.h"

#include <algorithm>
#include <vector>

#include "proxy/client_connection.h"
#include "proxy/trace.h"
#include "proxy/worker_context.h"

namespace portcullis::proxy {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;

constexpr Clock::time_point kNever{};

// Counts the time that the gateway itself needed, and the time that it waited for targets.
void note_own_time(const Record& record, telemetry::RouteMetrics& metrics) {
  if (record.request_head == kNever || record.response_head == kNever) return;
  const auto count = [](Clock::duration time) {
    return static_cast<uint64_t>(std::max<int64_t>(duration_cast<microseconds>(time).count(), 0));
  };
  metrics.measured.add();
  metrics.waited.add(count(record.waited));
  metrics.own.add(count(record.response_head - record.request_head - record.waited));
}

telemetry::AccessEntry log_entry(const Record& record, const Request& request, const policy::Context& context,
                                 const Snapshot& snapshot, const ClientConnection& client,
                                 Clock::time_point ended_at) {
  const auto since_start = [&record](Clock::time_point moment) {
    return moment == kNever ? microseconds(-1) : duration_cast<microseconds>(moment - record.started);
  };
  telemetry::AccessEntry entry;
  entry.request_id = request.id;
  entry.peer = client.peer_text();
  entry.client = request.origin.client.empty() ? entry.peer : request.origin.client;
  if (request.has_head) {  // otherwise the views point into an incomplete head
    entry.method = request.head.method;
    entry.host = request.host;
    entry.path = request.head.path;
    entry.canonical_path = request.path;
    entry.query = request.head.query;
    entry.version = name_of(request.head.version);
    entry.request_fields = &request.head.fields;
  }
  entry.revision = snapshot.revision;
  if (request.route != nullptr) {
    entry.route = request.route->name;
    if (request.branch != nullptr) {
      entry.upstream = snapshot.upstreams[request.branch->upstream]->name;
      entry.branch = request.branch->name;
    }
  }
  entry.target = record.target;
  if (context.caller.consumer != nullptr) entry.consumer = context.caller.consumer->name;
  entry.credential = context.caller.credential;
  entry.status = record.status;
  entry.ended = record.ended;
  entry.policy = record.decided_by;
  entry.note = context.remarks.note;
  entry.cache = context.remarks.cache_outcome;
  entry.request_bytes = record.request_bytes;
  entry.response_bytes = record.response_bytes;
  entry.tries = record.tries;
  entry.request_head = since_start(record.request_head);
  entry.response_head = since_start(record.response_head);
  entry.total = since_start(ended_at);
  entry.targets = duration_cast<microseconds>(record.waited);
  entry.response_fields = record.response_fields;
  return entry;
}

}  // namespace

void Record::end_wait(Clock::time_point now) {
  if (asked == kNever) return;
  waited += std::max(now - asked, Clock::duration::zero());
  asked = kNever;
}

void Record::keep_fields(const http::Fields& fields, const telemetry::LogFormat& format, Arena& arena) {
  if (!format.has_response_fields()) return;
  auto* kept = new (arena.allocate(sizeof(http::Fields), alignof(http::Fields))) http::Fields();
  for (const http::Field& field : fields) {
    if (format.has_response_field(field.name))
      kept->add(arena.copy(field.name), arena.copy(field.value), field.id);
  }
  response_fields = kept;
}

void tell_end(const Record& record, const Request& request, const policy::Context& context,
              const Snapshot& snapshot, const ClientConnection& client, WorkerContext& worker,
              const Trace& trace) {
  const std::vector<telemetry::RouteMetrics*>& shards =
      request.route != nullptr ? request.route->metrics : snapshot.unrouted.metrics;
  telemetry::RouteMetrics& metrics = *shards[worker.index()];
  // A status from 600 on, which a lenient upstream may send, counts as 5xx (RFC 9110 section 15).
  const auto class_of = [](uint16_t status) { return std::min(status / 100u, 5u); };
  const size_t status_class = class_of(record.status);
  metrics.responses[status_class].add();
  telemetry::RevisionMetrics& of_revision = *(*snapshot.responses)[worker.index()];
  of_revision.responses[class_of(record.judged_status())].add();
  if (const identity::Consumer* consumer = context.caller.consumer)
    snapshot.consumer_metrics[consumer->index][worker.index()]->responses[status_class].add();
  const Clock::time_point ended_at = Clock::now();
  const auto took = duration_cast<microseconds>(ended_at - record.started);
  metrics.duration.note(took);
  of_revision.duration.add(static_cast<uint64_t>(took.count()));
  const Branch* const branch = request.branch;
  if (branch != nullptr && !branch->metrics.empty()) {
    branch->metrics[worker.index()]->responses[status_class].add();
    const bool cut_off = context.from_target && record.ended != &telemetry::kEnds.complete &&
                         record.ended->ended_by == telemetry::EndedBy::kTarget;
    if (branch->rollback && record.status != 0)
      branch->rollback->note(record.judged_status(), cut_off, ended_at);
  }
  metrics.request_body_bytes.add(record.request_bytes);
  metrics.response_body_bytes.add(record.response_bytes);
  if (worker.measures()) note_own_time(record, metrics);
  const int64_t now = duration_cast<std::chrono::seconds>(ended_at.time_since_epoch()).count();
  const bool notable = worker.notables().wants(record.judged_status(), *record.ended, took, now);
  if (worker.logging() || notable) {
    const telemetry::AccessEntry entry = log_entry(record, request, context, snapshot, client, ended_at);
    if (worker.logging()) worker.log(snapshot.log_format, entry);
    if (notable) worker.notables().note(entry, now);
  }
  trace.tell(request, record, context, snapshot, ended_at);
}

}  // namespace portcullis::proxy

#include "proxy/trace.h"

#include <array>
#include <string>

#include "base/text.h"
#include "proxy/record.h"
#include "proxy/worker_context.h"

namespace portcullis::proxy {
namespace {

using telemetry::TraceContext;

uint64_t nanoseconds(Clock::time_point moment, std::chrono::nanoseconds offset) {
  return static_cast<uint64_t>((moment.time_since_epoch() + offset).count());
}

template <size_t N>
std::string_view text_of(const std::array<char, N>& digits) {
  return {digits.data(), N};
}

// Writes spans in OTLP's JSON format.
class SpanWriter {
 public:
  explicit SpanWriter(std::string& out)
      : out_(out),
        offset_(std::chrono::system_clock::now().time_since_epoch() - Clock::now().time_since_epoch()) {}

  void begin(std::string_view name, int kind, const TraceContext& context, uint64_t span, uint64_t parent) {
    if (count_++ > 0) out_ += ',';
    ((out_ += "{\"traceId\":\"") += text_of(telemetry::trace_id_text(context.trace))) += "\",\"spanId\":\"";
    out_ += text_of(telemetry::span_id_text(span));
    if (parent != 0) (out_ += "\",\"parentSpanId\":\"") += text_of(telemetry::span_id_text(parent));
    out_ += "\",\"name\":\"";
    append_json_escaped(out_, name);
    out_ += "\",\"kind\":" + std::to_string(kind);
  }
  void times(Clock::time_point begin, Clock::time_point end) {
    out_ += ",\"startTimeUnixNano\":\"" + std::to_string(nanoseconds(begin, offset_)) +
            "\",\"endTimeUnixNano\":\"" + std::to_string(nanoseconds(end, offset_)) + "\",\"attributes\":[";
    first_ = true;
  }
  void text(std::string_view key, std::string_view value) {
    if (value.empty()) return;
    attribute(key);
    out_ += "{\"stringValue\":\"";
    append_json_escaped(out_, value);
    out_ += "\"}}";
  }
  void number(std::string_view key, uint64_t value) {
    attribute(key);
    out_ += "{\"intValue\":\"" + std::to_string(value) + "\"}}";
  }
  void end(bool failed) { out_ += failed ? "],\"status\":{\"code\":2}}" : "],\"status\":{}}"; }
  size_t count() const { return count_; }

 private:
  void attribute(std::string_view key) {
    if (!first_) out_ += ',';
    first_ = false;
    ((out_ += "{\"key\":\"") += key) += "\",\"value\":";
  }

  std::string& out_;
  std::chrono::nanoseconds offset_;
  size_t count_ = 0;
  bool first_ = true;
};

constexpr int kInternal = 1;
constexpr int kServer = 2;
constexpr int kClientKind = 3;

}  // namespace

void Trace::begin(const TracingRules& rules, Request& request, WorkerContext& worker) {
  rules_ = &rules;
  worker_ = &worker;
  arena_ = &request.arena;
  if (rules.sampling.honour_parent) {
    if (const auto parent =
            telemetry::read_trace_context(request.head.fields, rules.propagation, request.arena))
      context_ = *parent;
  }
  parent_ = context_.span;
  while (!context_.valid() || context_.span == parent_) {
    if (parent_ == 0) context_.trace = {worker.random(), worker.random()};
    context_.span = worker.random();
  }
  if (!context_.decided) context_.sampled = worker.random() % 10'000 < rules.sampling.sample.of_10_000;
  records_ = context_.sampled || rules.sampling.errors;
}

void Trace::follow(const Trace& original, Arena& arena) {
  rules_ = original.rules_;
  context_ = original.context_;
  context_.state = arena.copy(context_.state);
}

Trace::Span* Trace::begin_span(std::string_view name, Clock::time_point begin) {
  if (!records_) return nullptr;
  Span* span = arena_->make<Span>();
  span->name = name;
  span->id = worker_->random();
  span->begin = begin;
  span->next = spans_;
  spans_ = span;
  return span;
}

Trace::Span* Trace::begin_try(const upstream::Target& target, std::string_view upstream,
                              Clock::time_point begin) {
  Span* span = begin_span("try", begin);
  if (span == nullptr) return nullptr;
  // The target may not exist any more when the trace is reported, so its name is copied.
  span->target = arena_->copy(target.definition().name);
  span->upstream = upstream;
  return span;
}

void Trace::end_span(Span* span, std::string_view outcome) {
  if (span == nullptr) return;
  span->end = Clock::now();
  span->outcome = outcome;
}

void Trace::end_try(Span* span, telemetry::TryResult result, const telemetry::EndReason* failure,
                    uint16_t status) {
  if (span == nullptr) return;
  end_span(span, name_of(result));
  if (failure != nullptr) span->error = failure->name;
  span->status = status;
}

void Trace::write_fields(http::HeadWriter& out, const Span* of_try) const {
  if (rules_ == nullptr) return;
  const telemetry::Propagation& forms = rules_->propagation;
  const auto trace_digits = telemetry::trace_id_text(context_.trace);
  const auto span_digits = telemetry::span_id_text(of_try != nullptr ? of_try->id : context_.span);
  const std::string_view trace = text_of(trace_digits);
  const std::string_view span = text_of(span_digits);
  const std::string_view sampled = context_.sampled ? "1" : "0";
  if (forms.w3c) {
    out.field("traceparent", "00-", trace, "-", span, "-0", sampled);
    if (!context_.state.empty()) out.field("tracestate", context_.state);
  }
  if (forms.b3) out.field("b3", trace, "-", span, "-", sampled);
  if (forms.b3_multi) {
    out.field("x-b3-traceid", trace);
    out.field("x-b3-spanid", span);
    out.field("x-b3-sampled", sampled);
  }
}

// Writes the spans on the heap, because few requests are reported.
void Trace::tell(const Request& request, const Record& record, const policy::Context& context,
                 const Snapshot& snapshot, Clock::time_point ended_at) const {
  if (rules_ == nullptr) return;
  const bool failed = record.status == 0 || record.judged_status() >= 500;
  if (!context_.sampled && !(rules_->sampling.errors && failed)) return;
  std::string out;
  SpanWriter writer(out);
  const http::RequestHead& head = request.head;
  writer.begin(request.has_head ? head.method : std::string_view("HTTP"), kServer, context_, context_.span,
               parent_);
  writer.times(record.started, ended_at);
  writer.text("http.request.method", head.method);
  writer.text("url.path", head.path);
  writer.text("url.scheme", request.origin.scheme);
  writer.text("server.address", request.host);
  writer.text("client.address", request.origin.client);
  writer.text("http.route", request.route != nullptr ? request.route->name : std::string_view());
  if (record.status != 0) writer.number("http.response.status_code", record.status);
  writer.text("portcullis.ended", record.ended->name);
  writer.text("portcullis.request_id", request.id);
  writer.number("portcullis.revision", snapshot.revision);
  writer.text("portcullis.cache", context.remarks.cache_outcome);
  if (context.caller.consumer != nullptr) writer.text("portcullis.consumer", context.caller.consumer->name);
  writer.end(failed);
  for (const Span* span = spans_; span != nullptr; span = span->next) {
    writer.begin(span->name, !span->target.empty() ? kClientKind : kInternal, context_, span->id,
                 context_.span);
    writer.times(span->begin, span->end == Clock::time_point{} ? ended_at : span->end);
    if (!span->target.empty()) {
      writer.text("server.address", span->target);
      writer.text("portcullis.upstream", span->upstream);
      if (span->status != 0) writer.number("http.response.status_code", span->status);
    }
    writer.text("portcullis.outcome", span->outcome);
    writer.text("error.type", span->error);
    writer.end(span->status >= 500 || (!span->target.empty() && span->status == 0));
  }
  worker_->tell_trace(out, writer.count());
}

}  // namespace portcullis::proxy

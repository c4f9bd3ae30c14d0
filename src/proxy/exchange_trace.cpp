// What an exchange tells of itself to a trace: a span for the gateway, one for each policy, and one for each
// try.

#include "base/text.h"
#include "proxy/exchange.h"

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

// Writes spans as OTLP's JSON has them.
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

// After the head has come: whose trace this is, and whether anybody wants to know.
void Exchange::begin_trace() {
  const TracingRules& rules = *snapshot_->snapshot->tracing;
  Trace& trace = *arena_.make<Trace>();
  trace_ = &trace;
  if (rules.honour_parent) {
    if (const auto parent = telemetry::read_trace_context(request_.fields, rules.propagation, arena_))
      trace.context = *parent;
  }
  trace.parent = trace.context.span;
  while (!trace.context.valid() || trace.context.span == trace.parent) {
    if (trace.parent == 0) trace.context.trace = {worker_.random(), worker_.random()};
    trace.context.span = worker_.random();
  }
  if (!trace.context.decided) trace.context.sampled = worker_.random() % 10'000 < rules.sample;
  trace.records = trace.context.sampled || rules.errors;
}

Exchange::Span* Exchange::begin_span(std::string_view name) {
  if (trace_ == nullptr || !trace_->records) return nullptr;
  Span* span = arena_.make<Span>();
  span->name = name;
  span->id = worker_.random();
  span->begin = Clock::now();
  span->next = trace_->spans;
  trace_->spans = span;
  return span;
}

void Exchange::end_span(Span* span, std::string_view outcome, uint16_t status) {
  if (span == nullptr) return;
  span->end = Clock::now();
  span->outcome = outcome;
  span->status = status;
}

// What the target is told: the span of this try is the parent of its own.
void Exchange::write_trace_fields(HeadWriter& out) const {
  if (trace_ == nullptr) return;
  const telemetry::Propagation& forms = snapshot_->snapshot->tracing->propagation;
  const TraceContext& context = trace_->context;
  const auto trace_digits = telemetry::trace_id_text(context.trace);
  const auto span_digits =
      telemetry::span_id_text(trace_->try_span != nullptr ? trace_->try_span->id : context.span);
  const std::string_view trace = text_of(trace_digits);
  const std::string_view span = text_of(span_digits);
  const std::string_view sampled = context.sampled ? "1" : "0";
  if (forms.w3c) {
    out.field("traceparent", "00-", trace, "-", span, "-0", sampled);
    if (!context.state.empty()) out.field("tracestate", context.state);
  }
  if (forms.b3) out.field("b3", trace, "-", span, "-", sampled);
  if (forms.b3_multi) {
    out.field("x-b3-traceid", trace);
    out.field("x-b3-spanid", span);
    out.field("x-b3-sampled", sampled);
  }
}

// When all is over. Written on the heap: few requests are told of.
void Exchange::tell_trace(Clock::time_point ended_at) const {
  const TracingRules& rules = *snapshot_->snapshot->tracing;
  const bool failed = !answered_ || response_.status >= 500;
  if (!trace_->context.sampled && !(rules.errors && failed)) return;
  std::string out;
  SpanWriter writer(out);
  const std::string_view route = route_ != nullptr ? std::string_view(route_->name) : std::string_view();
  writer.begin(has_head_ ? request_.method : std::string_view("HTTP"), kServer, trace_->context,
               trace_->context.span, trace_->parent);
  writer.times(started_, ended_at);
  writer.text("http.request.method", request_.method);
  writer.text("url.path", request_.path);
  writer.text("url.scheme", origin_.scheme);
  writer.text("server.address", host_);
  writer.text("client.address", origin_.client);
  writer.text("http.route", route);
  if (answered_) writer.number("http.response.status_code", response_.status);
  writer.text("portcullis.ended", ended_->name);
  writer.text("portcullis.request_id", request_id_);
  writer.text("portcullis.cache", context_.cache_outcome);
  if (context_.caller.consumer != nullptr) writer.text("portcullis.consumer", context_.caller.consumer->name);
  writer.end(failed);
  for (const Span* span = trace_->spans; span != nullptr; span = span->next) {
    writer.begin(span->name, span->target != nullptr ? kClientKind : kInternal, trace_->context, span->id,
                 trace_->context.span);
    writer.times(span->begin, span->end == Clock::time_point{} ? ended_at : span->end);
    if (span->target != nullptr) {
      writer.text("server.address", span->target->definition().name);
      writer.text("portcullis.upstream", upstream().definition().name);
      if (span->status != 0) writer.number("http.response.status_code", span->status);
    }
    writer.text("portcullis.outcome", span->outcome);
    writer.end(span->status >= 500 || (span->target != nullptr && span->status == 0));
  }
  worker_.tell_trace(out, writer.count());
}

}  // namespace portcullis::proxy

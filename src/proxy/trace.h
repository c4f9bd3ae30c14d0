#pragma once

#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "http/head_writer.h"
#include "proxy/request.h"
#include "proxy/snapshot.h"
#include "runtime/event_loop.h"
#include "telemetry/end_reason.h"
#include "telemetry/trace_context.h"
#include "telemetry/try_result.h"
#include "upstream/target.h"

namespace portcullis::proxy {

class WorkerContext;
struct Record;

// The trace of an exchange (OpenTelemetry): a span for the gateway, a span for each policy that has run, and
// a span for each try. Does nothing before begin(). The spans are in the request's arena.
class Trace {
 public:
  struct Span {
    std::string_view name{};
    uint64_t id = 0;
    Clock::time_point begin{};
    Clock::time_point end{};      // unset: the span ends with the exchange
    std::string_view target{};    // name of the try's target; empty when the span is not a try
    std::string_view upstream{};  // name of the try's upstream
    std::string_view outcome{};
    std::string_view error{};  // the name of the reason for which a try has failed
    uint16_t status = 0;
    Span* next = nullptr;
  };

  // Call this when the head of `request` has arrived: reads the client's trace context, and decides whether
  // the trace is recorded.
  void begin(const TracingRules& rules, Request& request, WorkerContext& worker);
  // The request is sent once more by an errand: its targets get the trace context of `original`, and no span
  // is recorded.
  void follow(const Trace& original, Arena& arena);
  bool active() const { return rules_ != nullptr; }
  // True when spans are recorded, because they may have to be reported.
  bool records() const { return records_; }
  // True when the spans are reported in any case, and not only after a failure.
  bool sampled() const { return rules_ != nullptr && context_.sampled; }

  // Begins a span; null when spans are not recorded. end_span() accepts null.
  Span* begin_span(std::string_view name, Clock::time_point begin);
  Span* begin_try(const upstream::Target& target, std::string_view upstream, Clock::time_point begin);
  static void end_span(Span* span, std::string_view outcome);
  // Ends the span of a try. `failure` is null when the try has not failed, or when the reason is not known;
  // `status` is 0 when there is no response.
  static void end_try(Span* span, telemetry::TryResult result, const telemetry::EndReason* failure,
                      uint16_t status);

  // Writes the trace context for a target. `span`, which may be null, becomes the parent of the target's
  // span.
  void write_fields(http::HeadWriter& out, const Span* span) const;
  // Reports the spans to the collector, if the trace is wanted. Call this when the exchange has ended.
  void tell(const Request& request, const Record& record, const policy::Context& context,
            const Snapshot& snapshot, Clock::time_point ended_at) const;

 private:
  const TracingRules* rules_ = nullptr;  // null when the exchange is not traced
  WorkerContext* worker_ = nullptr;
  Arena* arena_ = nullptr;
  telemetry::TraceContext context_{};  // its span id is that of the gateway's span
  uint64_t parent_ = 0;                // the id of the client's span
  bool records_ = false;
  Span* spans_ = nullptr;
};

}  // namespace portcullis::proxy

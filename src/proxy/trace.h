#pragma once

#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "http/head_writer.h"
#include "proxy/request.h"
#include "proxy/snapshot.h"
#include "runtime/event_loop.h"
#include "telemetry/trace_context.h"
#include "upstream/target.h"

namespace portcullis::proxy {

class WorkerContext;
struct Record;

// What an exchange tells of itself to a trace (OpenTelemetry): a span for the gateway, one for each policy
// that has run, and one for each try. Does nothing until begin(). Spans lie in the request's arena.
class Trace {
 public:
  struct Span {
    std::string_view name{};
    uint64_t id = 0;
    Clock::time_point begin{};
    Clock::time_point end{};      // unset: the span goes on to the end of the exchange
    std::string_view target{};    // of a try, its name; empty: this is no try
    std::string_view upstream{};  // of a try, its name
    std::string_view outcome{};
    uint16_t status = 0;
    Span* next = nullptr;
  };

  // After the head of `request` has come: finds out whose trace this is, and whether it is wanted.
  void begin(const TracingRules& rules, Request& request, WorkerContext& worker);
  bool active() const { return rules_ != nullptr; }
  // A span is told for certain, not only in the case of a failure.
  bool sampled() const { return rules_ != nullptr && context_.sampled; }

  // Null where nothing is recorded. `end` takes null.
  Span* begin_span(std::string_view name, Clock::time_point begin);
  Span* begin_try(const upstream::Target& target, std::string_view upstream, Clock::time_point begin);
  static void end_span(Span* span, std::string_view outcome, uint16_t status = 0);

  // The fields that tell a target of the trace: `span`, which may be null, is the parent of the target's own.
  void write_fields(http::HeadWriter& out, const Span* span) const;
  // When the exchange is over.
  void tell(const Request& request, const Record& record, const policy::Context& context,
            Clock::time_point ended_at) const;

 private:
  const TracingRules* rules_ = nullptr;  // null: nothing is traced
  WorkerContext* worker_ = nullptr;
  Arena* arena_ = nullptr;
  telemetry::TraceContext context_{};  // its span is the gateway's
  uint64_t parent_ = 0;                // the client's span
  bool records_ = false;               // spans are kept, because they may have to be told
  Span* spans_ = nullptr;
};

}  // namespace portcullis::proxy

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "http/message.h"

namespace portcullis::telemetry {

// Which headers carry the context of a trace.
struct Propagation {
  bool w3c = true;        // traceparent and tracestate (W3C Trace Context)
  bool b3 = false;        // b3
  bool b3_multi = false;  // X-B3-TraceId and the others
};

// Where a request stands in a trace. A plain value.
struct TraceContext {
  std::array<uint64_t, 2> trace{};  // 0: none
  uint64_t span = 0;
  bool sampled = false;
  bool decided = false;      // by whoever came before; else it is ours to decide
  std::string_view state{};  // tracestate, as it came

  bool valid() const { return (trace[0] | trace[1]) != 0 && span != 0; }
};

// What a request's fields say, of the forms that are used; the first that is well-formed. Nothing: none.
std::optional<TraceContext> read_trace_context(const http::Fields& fields, const Propagation& propagation);

// True for a field that carries a context in one of the forms.
bool carries_trace_context(std::string_view name);

// "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", in `arena`.
std::string_view trace_id_text(const std::array<uint64_t, 2>& trace, Arena& arena);
std::string_view span_id_text(uint64_t span, Arena& arena);

}  // namespace portcullis::telemetry

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "http/message.h"

namespace portcullis::telemetry {

// The headers that carry the context of a trace.
struct Propagation {
  bool w3c = true;        // traceparent and tracestate (W3C Trace Context)
  bool b3 = false;        // b3
  bool b3_multi = false;  // X-B3-TraceId and its companions
};

// The position of a request in a trace. A plain value.
struct TraceContext {
  std::array<uint64_t, 2> trace{};  // 0: no trace
  uint64_t span = 0;
  bool sampled = false;
  bool decided = false;      // true when the caller decided about sampling, so the gateway does not
  std::string_view state{};  // tracestate: all fields as one list

  bool valid() const { return (trace[0] | trace[1]) != 0 && span != 0; }
};

// Reads the context from a request's fields, in the first format of `propagation` that is well-formed; empty
// when none is. B3 may carry a decision without a trace: the context is then not valid(), and only `decided`
// and `sampled` have a meaning. A repeated field is ignored, except tracestate, whose fields form one list
// (W3C Trace Context section 3.3), which is joined in `arena`.
std::optional<TraceContext> read_trace_context(const http::Fields& fields, const Propagation& propagation,
                                               Arena& arena);

// True for a field that carries a context in one of the formats.
bool carries_trace_context(std::string_view name);

// The ids as 32 and as 16 hexadecimal digits.
std::array<char, 32> trace_id_text(const std::array<uint64_t, 2>& trace);
std::array<char, 16> span_id_text(uint64_t span);

}  // namespace portcullis::telemetry

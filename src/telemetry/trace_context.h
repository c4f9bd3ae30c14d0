#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

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

// As 32 and as 16 hexadecimal digits.
std::array<char, 32> trace_id_text(const std::array<uint64_t, 2>& trace);
std::array<char, 16> span_id_text(uint64_t span);

}  // namespace portcullis::telemetry

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
  bool decided = false;      // by the caller, so that the gateway does not decide
  std::string_view state{};  // tracestate: all fields of that name as one list

  bool valid() const { return (trace[0] | trace[1]) != 0 && span != 0; }
};

// What a request's fields say, in the first of the forms in `propagation` that is well-formed; nothing when
// none is. Of B3 a decision may come without a trace: the context is then not valid(), and only `decided` and
// `sampled` say something. Two fields of one name are none, except that those of tracestate are one list (W3C
// Trace Context section 3.3), which is put together in `arena`.
std::optional<TraceContext> read_trace_context(const http::Fields& fields, const Propagation& propagation,
                                               Arena& arena);

// True for a field that carries a context in one of the forms.
bool carries_trace_context(std::string_view name);

// As 32 and as 16 hexadecimal digits.
std::array<char, 32> trace_id_text(const std::array<uint64_t, 2>& trace);
std::array<char, 16> span_id_text(uint64_t span);

}  // namespace portcullis::telemetry

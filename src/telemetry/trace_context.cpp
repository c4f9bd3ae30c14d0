#include "telemetry/trace_context.h"

#include <algorithm>

#include "base/text.h"
#include "http/combined_value.h"
#include "http/field_names.h"

namespace portcullis::telemetry {
namespace {

// Lower case only, as both specifications require.
std::optional<uint64_t> parse_id(std::string_view text) {
  if (text.size() != 16 || std::any_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'F'; }))
    return std::nullopt;
  return parse_hex(text);
}

bool read_trace(std::string_view text, TraceContext& out) {
  // B3 also has ids of 64 bits.
  if (text.size() == 16) {
    const auto low = parse_id(text);
    if (!low) return false;
    out.trace = {0, *low};
    return true;
  }
  const auto high = parse_id(text.substr(0, std::min<size_t>(text.size(), 16)));
  const auto low = text.size() == 32 ? parse_id(text.substr(16)) : std::nullopt;
  if (!high || !low) return false;
  out.trace = {*high, *low};
  return true;
}

// 00-<32 hex>-<16 hex>-<2 hex>; later versions may append more (W3C Trace Context section 3.2).
std::optional<TraceContext> read_traceparent(std::string_view text) {
  TraceContext out;
  if (text.size() < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  const auto version = parse_hex(text.substr(0, 2));
  if (!version || *version == 0xFF || (*version == 0 && text.size() != 55) ||
      (text.size() > 55 && text[55] != '-'))
    return std::nullopt;
  const auto span = parse_id(text.substr(36, 16));
  const auto flags = parse_hex(text.substr(53, 2));
  if (!read_trace(text.substr(3, 32), out) || !span || !flags) return std::nullopt;
  out.span = *span;
  out.sampled = (*flags & 1) != 0;
  out.decided = true;
  return out.valid() ? std::optional(out) : std::nullopt;
}

// The value of the only field called `name`; empty when there is none, or more than one.
std::string_view only_value(const http::Fields& fields, std::string_view name) {
  std::string_view value;
  bool found = false;
  for (const http::Field& field : fields) {
    if (!equals_ignoring_case(field.name, name)) continue;
    if (found) return {};
    found = true;
    value = field.value;
  }
  return value;
}

// "1" and "d" (debug) request sampling, "0" declines it; older senders use "true" and "false" in
// X-B3-Sampled.
void read_b3_decision(std::string_view text, TraceContext& out) {
  const bool wanted = text == "1" || text == "d" || equals_ignoring_case(text, "true");
  if (!wanted && text != "0" && !equals_ignoring_case(text, "false")) return;
  out.decided = true;
  out.sampled = wanted;
}

// <trace>-<span>[-<decision>[-<parent>]], or only the decision.
std::optional<TraceContext> read_b3(std::string_view text) {
  TraceContext out;
  const size_t first = text.find('-');
  if (first == std::string_view::npos) {
    read_b3_decision(text, out);
    return out.decided ? std::optional(out) : std::nullopt;
  }
  const std::string_view rest = text.substr(first + 1);
  const auto span = parse_id(rest.substr(0, rest.find('-')));
  if (!read_trace(text.substr(0, first), out) || !span) return std::nullopt;
  out.span = *span;
  if (rest.size() > 17) read_b3_decision(rest.substr(17, rest.find('-', 17) - 17), out);
  return out.valid() ? std::optional(out) : std::nullopt;
}

std::optional<TraceContext> read_b3_multi(const http::Fields& fields) {
  TraceContext out;
  read_b3_decision(only_value(fields, "x-b3-sampled"), out);
  if (only_value(fields, "x-b3-flags") == "1") read_b3_decision("d", out);
  const std::string_view trace = only_value(fields, "x-b3-traceid");
  const std::string_view span_text = only_value(fields, "x-b3-spanid");
  if (trace.empty() && span_text.empty()) return out.decided ? std::optional(out) : std::nullopt;
  const auto span = parse_id(span_text);
  if (!read_trace(trace, out) || !span) return std::nullopt;
  out.span = *span;
  return out.valid() ? std::optional(out) : std::nullopt;
}

}  // namespace

std::optional<TraceContext> read_trace_context(const http::Fields& fields, const Propagation& propagation,
                                               Arena& arena) {
  if (propagation.w3c) {
    if (auto context = read_traceparent(only_value(fields, "traceparent"))) {
      context->state = http::combined_value(fields, "tracestate", ",", arena);
      return context;
    }
  }
  if (propagation.b3) {
    if (const auto context = read_b3(only_value(fields, "b3"))) return context;
  }
  if (propagation.b3_multi) return read_b3_multi(fields);
  return std::nullopt;
}

bool carries_trace_context(std::string_view name) {
  return equals_ignoring_case(name, "traceparent") || equals_ignoring_case(name, "tracestate") ||
         equals_ignoring_case(name, "b3") ||
         (name.size() > 5 && http::same_field_name(name.substr(0, 5), "x-b3-"));
}

std::array<char, 32> trace_id_text(const std::array<uint64_t, 2>& trace) {
  std::array<char, 32> text;
  write_hex(text.data(), trace[0], 16);
  write_hex(text.data() + 16, trace[1], 16);
  return text;
}

std::array<char, 16> span_id_text(uint64_t span) {
  std::array<char, 16> text;
  write_hex(text.data(), span, 16);
  return text;
}

}  // namespace portcullis::telemetry

#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/request.h"
#include "runtime/event_loop.h"
#include "telemetry/ends.h"

namespace portcullis::proxy {

class ClientConnection;
class Trace;
class WorkerContext;

// What is known of an exchange when it is over, and from which its log line, its counts and its trace are
// made. The parts of an exchange write here what they find out. Moments that were never reached are unset.
struct Record {
  bool has_request = false;     // a request has come, be it malformed; else there is nothing to tell
  Clock::time_point started{};  // the first bytes of the request had come
  Clock::time_point request_head{};
  Clock::time_point response_head{};  // of the final response of a target
  Clock::time_point asked{};          // a target is being waited for since then; unset: none is
  Clock::duration waited{};           // for targets, in all tries
  uint64_t request_bytes = 0;         // of the bodies
  uint64_t response_bytes = 0;
  const telemetry::EndReason* ended = &telemetry::kEnds.client_closed;
  std::string_view decided_by{};          // the policy that has refused or answered the request
  uint16_t status = 0;                    // of the response that has been sent; 0: none has
  const http::Fields* response_fields{};  // of that response, those that are logged; null: none
  std::string_view target{};              // the name of the last target that was asked
  unsigned tries = 0;                     // how often a target was asked

  // The wait for a target is over: the head of its response has come, or none will.
  void end_wait(Clock::time_point now);
  // Keeps those of `fields` that the log line will have: the memory in which they lie goes before the line is
  // written. To be called when the response leaves.
  void keep_fields(const http::Fields& fields, const telemetry::LogFormat& format, Arena& arena);
};

// Counts an exchange that is over, and tells the log, the dashboard and the trace of it.
void tell_end(const Record& record, const Request& request, const policy::Context& context,
              const Snapshot& snapshot, const ClientConnection& client, WorkerContext& worker,
              const Trace& trace);

}  // namespace portcullis::proxy

#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/request.h"
#include "runtime/event_loop.h"
#include "telemetry/ends.h"

namespace portcullis::proxy {

class ClientConnection;
struct ErrorRule;
class Trace;
class WorkerContext;

// The facts about an exchange from which its log line, its metrics and its trace are made. The parts of the
// exchange write them. A point in time that the exchange has not reached is unset.
struct Record {
  bool has_request = false;     // a request has arrived, valid or not; otherwise nothing is logged
  Clock::time_point started{};  // when the first bytes of the request arrived
  Clock::time_point request_head{};
  Clock::time_point response_head{};  // when the head of a target's final response arrived
  Clock::time_point asked{};          // when the current wait for a target began; unset without a wait
  Clock::duration waited{};           // the time of all waits for targets, in all tries
  uint64_t request_bytes = 0;         // size of the request's body
  uint64_t response_bytes = 0;        // size of the response's body
  const telemetry::EndReason* ended = &telemetry::kEnds.client_closed;
  std::string_view decided_by{};          // the policy that has refused or answered the request
  uint16_t status = 0;                    // the status of the response that is sent; 0 before that
  uint16_t error_status = 0;              // that of an error of the gateway without `errors`; 0: none
  const ErrorRule* error_rule = nullptr;  // the rule of `errors` that has made the response; null: none
  const http::Fields* response_fields{};  // the fields of that response that are logged; null: none
  std::string_view target{};              // the name of the last target that was asked
  unsigned tries = 0;                     // how often a target was asked

  // The status by which the request counts as failed: a rule of `errors` hides no failure.
  uint16_t judged_status() const { return status != 0 && error_status != 0 ? error_status : status; }
  // Notes that another response takes the place of the gateway's error.
  void forget_error() {
    error_status = 0;
    error_rule = nullptr;
  }
  // Ends the wait for a target, because the response's head has arrived or will not arrive.
  void end_wait(Clock::time_point now);
  // Copies the fields that the log line needs into `arena`, because the memory of `fields` is released before
  // the line is written. Call this when the response is sent.
  void keep_fields(const http::Fields& fields, const telemetry::LogFormat& format, Arena& arena);
};

// Reports an exchange that has ended to the metrics, the access log, the dashboard and the trace.
void tell_end(const Record& record, const Request& request, const policy::Context& context,
              const Snapshot& snapshot, const ClientConnection& client, WorkerContext& worker,
              const Trace& trace);

}  // namespace portcullis::proxy

// The calls that answer with server-sent events (section 9.2 of the HTML standard).

#include <utility>

#include "control/admin/call_table.h"
#include "control/admin/live_feed.h"
#include "control/admin/problem.h"
#include "control/admin/shapes.h"
#include "control/events.h"
#include "telemetry/tail.h"

namespace portcullis::control {
namespace {

ServerAnswer answer_live(const AdminWorld& world, const CallRequest& request) {
  return {.content_type = media_type::kEvents, .stream = world.feed.follow(request.may_stream)};
}

ServerAnswer answer_tail(const AdminWorld& world, const CallRequest& request) {
  auto filter = telemetry::TailFilter::parse(request.http.head.query);
  if (!filter) return refuse_call(400, filter.error().message);
  if (world.feed.tails_are_full())
    return refuse_call(503, "the max number of live tails is open already: close one of them",
                       "retry-after: 5\r\n");
  return {.content_type = media_type::kEvents,
          .stream = world.feed.follow_tail(std::move(*filter), request.may_stream)};
}

ServerAnswer answer_events(const AdminWorld& world, const CallRequest& request) {
  if (world.events.is_full())
    return refuse_call(503, "the max number of clients follows the events already", "retry-after: 5\r\n");
  return {.content_type = media_type::kEvents, .stream = world.events.follow(request.may_stream)};
}

}  // namespace

void add_stream_calls(CallTable& table) {
  table.add(
      {.method = "GET",
       .path = "/v1/events",
       .id = "followEvents",
       .group = "Events",
       .summary = "What happens in the gateway",
       .description = "Each event has the name of its kind: `revision_published`, `target_ejected`, "
                      "`certificate_renewed`. Its data is an object with the member `time`. A client "
                      "that is too slow loses the oldest events, and the event `lost` tells how many.",
       .answers = {{200, "The events from now on.", media_type::kEvents, shape::text()},
                   {503, "The max number of clients follows the events already.", media_type::kProblem}},
       .handle = at_once(answer_events)});
  table.add({.method = "GET",
             .path = "/v1/live",
             .id = "followFigures",
             .group = "Events",
             .summary = "The figures of the dashboard, each second",
             .description =
                 "The event `history` has the document of `/v1/history`, and each event `live` that "
                 "of `/v1/now`.",
             .answers = {{200, "The events.", media_type::kEvents, shape::text()}},
             .handle = at_once(answer_live)});
  table.add({.method = "GET",
             .path = "/v1/tail",
             .id = "followRequests",
             .group = "Events",
             .summary = "Requests that have ended, each second",
             .description = "The events `requests` have `{\"requests\": [...], \"left_out\": N}`. A request "
                            "must match all parameters.",
             .parameters = {{"status", "Classes, single values or `none`, as `4xx,503`."},
                            {"route", "The name of the route."},
                            {"upstream", "The name of the upstream."},
                            {"target", "The address of the target."},
                            {"consumer", "The name of the consumer."},
                            {"client", "The address of the client."},
                            {"reason", "Why the request has ended, as `ended` in the access log."},
                            {"policy", "The policy that has ended the request."},
                            {"request_id", "The id of the request."},
                            {"path", "A part of the path."}},
             .answers = {{200, "The events.", media_type::kEvents, shape::text()},
                         {503, "The max number of live tails is open already.", media_type::kProblem}},
             .handle = at_once(answer_tail)});
}

}  // namespace portcullis::control

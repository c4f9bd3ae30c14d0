#pragma once

#include <memory>

#include "proxy/listener.h"
#include "proxy/recorded_head.h"
#include "proxy/rehearsal.h"
#include "proxy/worker_context.h"

namespace portcullis::proxy {

// A recorded request whose head a rehearsal has.
struct ReplayedRequest {
  const RecordedHead& head;
  policy::Replay& replay;
  routing::Doubt& doubt;
};

// Finds out what `worker` would do with `request` at `listener`. With `replayed`, which outlives the task,
// the request is a recorded one. On the worker's thread.
Task<Rehearsal> rehearse(WorkerContext& worker, std::shared_ptr<Listener> listener,
                         std::shared_ptr<const RehearsalRequest> request, const ReplayedRequest* replayed);

}  // namespace portcullis::proxy

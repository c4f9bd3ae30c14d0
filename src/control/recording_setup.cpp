#include "control/recording_setup.h"

namespace portcullis::control {
namespace {

// The share of one worker.
proxy::Recording::Bounds bounds_of(const config::Recorder& told, size_t workers) {
  if (!told.enabled) return {};
  return {(told.requests + workers - 1) / workers, told.memory / workers};
}

void add_route(const proxy::Route& route, proxy::SnapshotReads& out) {
  for (const proxy::PlacedPolicy& one : route.policies) out.add(*one.policy);
  policy::RequestReads reads;
  route.split.add_reads(reads);
  out.add(reads);
}

}  // namespace

void add_recording(const config::Config& config, size_t workers,
                   std::shared_ptr<const proxy::Recording>& kept, proxy::Snapshot& snapshot) {
  auto reads = std::make_shared<proxy::SnapshotReads>();
  for (const proxy::Route& route : snapshot.routes) add_route(route, *reads);
  add_route(snapshot.unrouted, *reads);
  if (snapshot.errors) reads->add(snapshot.errors->reads());
  for (const config::Route& route : config.routes) reads->add(route.match);
  auto recording = std::make_shared<const proxy::Recording>(bounds_of(config.recorder, workers), reads->all(),
                                                            config.access_log.redact);
  if (kept == nullptr || !kept->is_like(*recording)) kept = std::move(recording);
  reads->settle(*kept);
  snapshot.recording = kept;
  snapshot.reads = std::move(reads);
}

}  // namespace portcullis::control

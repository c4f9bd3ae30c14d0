#pragma once

#include <memory>
#include <string>

#include "policy/policy.h"
#include "proxy/connector.h"
#include "proxy/relay.h"

namespace portcullis::proxy {

class Worker;
struct WorkerSnapshot;

// A copy of a request, for upstreams whose answer nobody waits for. It is its own: the exchange that it was
// taken from may be over.
struct MirroredRequest {
  std::string method;
  std::string target;  // path and query
  std::string authority;
  std::string fields;  // lines
  BodyCopy body{};
  bool has_length = false;  // of the body, also of none; the fields tell it
  Introduction introduction{};
  std::shared_ptr<WorkerSnapshot> snapshot;
};

// Sends it and drops the answer. Counts in `to`, which the snapshot keeps.
Task<void> send_mirrored(Worker& worker, std::shared_ptr<const MirroredRequest> request,
                         const policy::MirrorTo* to);

}  // namespace portcullis::proxy

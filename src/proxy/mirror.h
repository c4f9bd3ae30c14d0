#pragma once

#include <memory>
#include <string>
#include <vector>

#include "http/message.h"
#include "policy/errands.h"
#include "proxy/connector.h"
#include "proxy/copy_stage.h"

namespace portcullis::proxy {

class WorkerContext;
struct ExchangeState;
struct WorkerSnapshot;

// A copy of a request, for upstreams whose responses are dropped. The copy owns its texts, because the
// original exchange may have ended.
struct MirroredRequest {
  std::string method;
  std::string path;
  std::string query;
  std::string authority;
  std::string fields;  // field lines, each with its CRLF
  BodyCopy body{};
  http::RequestHead head{};  // its views point to the texts above; its fields contain only Content-Length
  Introduction introduction{};
  std::vector<const policy::CopyReceiver*> receivers;  // policies of the snapshot own the receivers
  std::shared_ptr<WorkerSnapshot> snapshot;
};

// Copies the parts of the request that do not outlive the exchange. Null for a request that must not be
// copied. Allocates, but only for routes with a mirror.
std::shared_ptr<MirroredRequest> copy_for_mirrors(ExchangeState& state);
// Sends the copies, and drops the responses. Call this when the exchange needs no further target and the
// whole request has been received. The copies do not depend on the exchange any more.
void send_to_mirrors(ExchangeState& state);

}  // namespace portcullis::proxy

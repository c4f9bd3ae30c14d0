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

// A copy of a request, for upstreams whose answer is not waited for. It owns what it has: the exchange that
// it was taken from may be over.
struct MirroredRequest {
  std::string method;
  std::string path;
  std::string query;
  std::string authority;
  std::string fields;  // lines, each with its CRLF
  BodyCopy body{};
  http::RequestHead head{};  // whose views are of the texts above; its fields have the length alone
  Introduction introduction{};
  std::vector<const policy::CopyReceiver*> receivers;  // owned by policies of the snapshot
  std::shared_ptr<WorkerSnapshot> snapshot;
};

// Takes what of the exchange's request will not be there any more when the exchange is over. Null for a
// request that is not copied. Allocates, which only routes with a mirror pay for.
std::shared_ptr<MirroredRequest> copy_for_mirrors(ExchangeState& state);
// The exchange is over and the whole request is here: sends the copies, which nothing of the exchange reaches
// any more, and drops the answers.
void send_to_mirrors(ExchangeState& state);

}  // namespace portcullis::proxy

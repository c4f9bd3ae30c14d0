#include "control/explain.h"

#include <nlohmann/json.hpp>

#include "control/explain_answer.h"
#include "control/explain_question.h"
#include "proxy/worker.h"
#include "runtime/delivery.h"

namespace portcullis::control {

using nlohmann::json;
using proxy::Rehearsal;

Task<Result<json>> explain(EventLoop& loop, proxy::Worker& worker, std::function<Served()> served,
                           Question question) {
  for (;;) {
    const std::shared_ptr<const proxy::Snapshot> snapshot = served().snapshot;
    const auto put = put_question(question, *snapshot, policy::Purpose::kExplain);
    if (!put) co_return put.error();
    Rehearsal found;
    if (put->handshake_fault.empty()) {
      Delivery<Rehearsal> delivery(loop);
      worker.rehearse(put->request,
                      [sender = delivery.sender()](Rehearsal it) { sender.deliver(std::move(it)); });
      found = co_await delivery;
    } else {
      found.revision = snapshot->revision;
    }
    // Another configuration may have been published meanwhile, to the worker or to this thread; the question
    // is then put again. The worker handles messages in order, so it has that configuration before it gets
    // the question.
    if (found.revision == snapshot->revision && served().snapshot == snapshot)
      co_return tell(found, *put, question, served());
  }
}

}  // namespace portcullis::control

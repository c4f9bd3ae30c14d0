#include "control/offline_gateway.h"

#include <nlohmann/json.hpp>

#include <future>
#include <system_error>

#include "control/explain_answer.h"
#include "control/explain_question.h"

namespace portcullis::control {

using nlohmann::json;
using proxy::Rehearsal;

OfflineGateway::OfflineGateway(const config::Config& config, std::unique_ptr<OfflineSnapshot> compiled)
    : config_(config),
      compiled_(std::move(compiled)),
      worker_(std::make_unique<proxy::Worker>(
          0, compiled_->snapshot(), proxy::ListenerSockets(compiled_->snapshot()->listeners.size()),
          proxy::KnownTargets(), compiled_->metrics().worker(0), nullptr, nullptr, [] {})) {}

OfflineGateway::~OfflineGateway() {
  worker_->drain(Milliseconds(0));
  worker_->join();
}

Result<std::unique_ptr<OfflineGateway>> OfflineGateway::start(const config::Config& config,
                                                              const Say& say) try {
  auto compiled = OfflineSnapshot::compile(config, say);
  if (!compiled) return compiled.error();
  return std::unique_ptr<OfflineGateway>(new OfflineGateway(config, std::move(*compiled)));
} catch (const std::system_error& problem) {  // thrown when the system allows no further thread or loop
  return Error{problem.what()};
}

Result<json> OfflineGateway::explain(const Question& question) {
  const auto put = put_question(question, *compiled_->snapshot(), policy::Purpose::kExplainOffline);
  if (!put) return put.error();
  Rehearsal found;
  if (put->handshake_fault.empty()) {
    std::promise<Rehearsal> promise;
    worker_->rehearse(put->request, [&promise](Rehearsal it) { promise.set_value(std::move(it)); });
    found = promise.get_future().get();
  }
  return tell(found, *put, question, {compiled_->snapshot(), config_});
}

}  // namespace portcullis::control

#include "control/offline_gateway.h"

#include <nlohmann/json.hpp>

#include <future>
#include <system_error>

#include "control/explain_answer.h"
#include "control/explain_question.h"

namespace portcullis::control {

using nlohmann::json;
using proxy::Rehearsal;

OfflineGateway::OfflineGateway(const config::Config& config, const Say& say)
    : config_(config), services_(1, control_, metrics_.of_policies(), say), kept_{.tls = TlsState(say)} {}

OfflineGateway::~OfflineGateway() {
  if (!worker_) return;
  worker_->drain(Milliseconds(0));
  worker_->join();
  services_.stop();
}

Status OfflineGateway::serve() {
  auto compiled = compile_snapshot(config_, 1, metrics_, services_, kept_);
  if (!compiled) return compiled.error();
  snapshot_ = std::move(*compiled);
  worker_ =
      std::make_unique<proxy::Worker>(0, snapshot_, proxy::ListenerSockets(snapshot_->listeners.size()),
                                      proxy::KnownTargets(), metrics_.worker(0), nullptr, nullptr, [] {});
  return {};
}

Result<std::unique_ptr<OfflineGateway>> OfflineGateway::start(const config::Config& config,
                                                              const Say& say) try {
  std::unique_ptr<OfflineGateway> out(new OfflineGateway(config, say));
  if (Status serving = out->serve(); !serving) return serving.error();
  return out;
} catch (const std::system_error& problem) {  // thrown when the system allows no further thread or loop
  return Error{problem.what()};
}

Result<json> OfflineGateway::explain(const Question& question) {
  const auto put = put_question(question, *snapshot_, policy::Purpose::kExplainOffline);
  if (!put) return put.error();
  Rehearsal found;
  if (put->handshake_fault.empty()) {
    std::promise<Rehearsal> promise;
    worker_->rehearse(put->request, [&promise](Rehearsal it) { promise.set_value(std::move(it)); });
    found = promise.get_future().get();
  }
  return tell(found, *put, question, {snapshot_, config_});
}

}  // namespace portcullis::control

#pragma once

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <string>

#include "base/result.h"
#include "base/say.h"
#include "config/model.h"
#include "control/explain.h"
#include "control/snapshot.h"
#include "policy/services.h"
#include "proxy/worker.h"
#include "telemetry/metrics.h"

namespace portcullis::control {

// A gateway that listens on no address and asks no other service. It says what a gateway with this
// configuration would do that has just started. One thread, and a worker's of its own.
class OfflineGateway {
 public:
  // `config`, which has been checked, outlives it. `say` is told what goes wrong beside; on any thread. An
  // error: a file that was good when it was checked is not any more, or the system allows no thread.
  static Result<std::unique_ptr<OfflineGateway>> start(const config::Config& config, const Say& say);
  ~OfflineGateway();

  // As the running gateway's explain(). `answer.verdict` is "not_known" where another service decides.
  Result<nlohmann::json> explain(const Question& question);

 private:
  OfflineGateway(const config::Config& config, const Say& say);
  Status serve();

  const config::Config& config_;
  EventLoop control_;  // never runs, so that no server is asked for keys
  telemetry::Registry metrics_{1};
  policy::Services services_;
  Kept kept_;
  std::shared_ptr<const proxy::Snapshot> snapshot_;
  std::unique_ptr<proxy::Worker> worker_;
};

}  // namespace portcullis::control

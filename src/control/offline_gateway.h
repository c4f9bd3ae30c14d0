#pragma once

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <string>

#include "base/result.h"
#include "base/say.h"
#include "config/model.h"
#include "control/explain.h"
#include "control/offline_snapshot.h"
#include "proxy/worker.h"

namespace portcullis::control {

// A gateway that listens on no address and asks no other service. It explains what a gateway with this
// configuration would do just after its start. Used by one thread; its worker has a thread of its own.
class OfflineGateway {
 public:
  // `config` must have been checked and outlives this object. Faults are reported to `say`, on any thread.
  // Returns an error when a file is not valid any more since the check, or when the system allows no further
  // thread.
  static Result<std::unique_ptr<OfflineGateway>> start(const config::Config& config, const Say& say);
  ~OfflineGateway();

  // As explain() of the running gateway (control/explain.h). `answer.verdict` is "not_known" when another
  // service decides.
  Result<nlohmann::json> explain(const Question& question);

 private:
  OfflineGateway(const config::Config& config, std::unique_ptr<OfflineSnapshot> compiled);

  const config::Config& config_;
  std::unique_ptr<OfflineSnapshot> compiled_;
  std::unique_ptr<proxy::Worker> worker_;
};

}  // namespace portcullis::control

#include "control/reload_report.h"

#include <nlohmann/json.hpp>

#include "base/faults.h"
#include "base/say.h"
#include "control/deployment.h"
#include "control/fleet.h"
#include "control/logs.h"
#include "control/service_manager.h"

namespace portcullis::control {

std::string serving_line(uint64_t version) {
  return "serving configuration " + std::to_string(version);
}

void ReloadReport::reload_began() {
  if (!fleet_.draining()) manager_.reloading();
}

void ReloadReport::reload_ended(const std::vector<std::string>& by, const ReloadOutcome& outcome) {
  if (outcome.succeeded) logs_.reopen();
  say(outcome.succeeded ? Level::kInfo : Level::kError, outcome.summary);
  if (!fleet_.draining())
    manager_.ready((outcome.succeeded ? "" : "reload refused; ") + serving_line(deployment_.version()));
  deployment_.metrics().note_reload(outcome.succeeded);
  for (const std::string& one : by)
    logs_.audit(
        "reload", one,
        {{"outcome", outcome.succeeded ? "succeeded" : "refused"}, {"configuration", deployment_.version()}});
}

void ReloadReport::certificates_ended(const Status& outcome) {
  deployment_.metrics().note_reload(static_cast<bool>(outcome));
  logs_.audit("certificates", "files", {{"outcome", outcome ? "succeeded" : "refused"}});
  if (!outcome) count_fault(Fault::kCertificate);
  say(outcome ? Level::kInfo : Level::kError,
      outcome ? "certificates have changed: " + serving_line(deployment_.version())
              : "changed certificates refused (" + outcome.error().message +
                    "); the previous certificates stay in use");
}

}  // namespace portcullis::control

#include "control/reload_report.h"

#include <nlohmann/json.hpp>

#include "base/faults.h"
#include "base/say.h"
#include "base/wall_clock.h"
#include "control/deployment.h"
#include "control/fleet.h"
#include "control/logs.h"
#include "control/service_manager.h"

namespace portcullis::control {

std::string serving_line(uint64_t revision) {
  return "serving revision " + std::to_string(revision);
}

void ReloadReport::reload_began() {
  if (!fleet_.draining()) manager_.reloading();
}

void ReloadReport::reload_ended(const std::vector<Author>& by, const ReloadOutcome& outcome) {
  if (outcome.succeeded) logs_.reopen();
  say(outcome.succeeded ? Level::kInfo : Level::kError, outcome.summary);
  if (!fleet_.draining())
    manager_.ready((outcome.succeeded ? "" : "reload refused; ") + serving_line(deployment_.revision()));
  deployment_.metrics().note_reload(outcome.succeeded);
  node_.last_error =
      outcome.succeeded ? "" : outcome.report.substr(0, outcome.report.find_last_not_of('\n') + 1);
  if (outcome.succeeded) note_in_force(by.front().name);
  for (const Author& one : by)
    logs_.audit(
        "reload", one,
        {{"outcome", outcome.succeeded ? "succeeded" : "refused"}, {"revision", deployment_.revision()}});
}

// Called when a configuration has been put in force.
void ReloadReport::note_in_force(const std::string& author) {
  node_.since = current_second();
  events_.publish("revision_published", {{"revision", deployment_.revision()}, {"author", author}});
}

void ReloadReport::certificates_ended(const Status& outcome) {
  deployment_.metrics().note_reload(static_cast<bool>(outcome));
  logs_.audit("certificates", {.name = "files"}, {{"outcome", outcome ? "succeeded" : "refused"}});
  if (!outcome) count_fault(Fault::kCertificate);
  if (outcome) {
    events_.publish("certificate_renewed", nlohmann::json::object());
    note_in_force("files");
  }
  say(outcome ? Level::kInfo : Level::kError,
      outcome ? "certificates have changed: " + serving_line(deployment_.revision())
              : "changed certificates refused (" + outcome.error().message +
                    "); the previous certificates stay in use");
}

}  // namespace portcullis::control

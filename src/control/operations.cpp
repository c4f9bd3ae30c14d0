#include "control/operations.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "base/say.h"
#include "control/deployment.h"
#include "control/fleet.h"
#include "control/logs.h"
#include "control/name_service.h"

namespace portcullis::control {

Operations::Operations(EventLoop& loop, Deployment& deployment, Fleet& fleet, const NameService& names,
                       ConfigService& config_service, Logs& logs)
    : loop_(loop),
      deployment_(deployment),
      fleet_(fleet),
      names_(names),
      config_service_(config_service),
      logs_(logs) {}

bool Operations::ready() const {
  return !fleet_.draining();
}

const config::Config& Operations::config() const {
  return deployment_.config();
}

const telemetry::Registry& Operations::metrics() const {
  return deployment_.metrics();
}

telemetry::States Operations::states() const {
  // Each certificate is a series of the metrics page, and there may be thousands of certificates.
  static constexpr size_t kMaxCertificates = 200;
  auto ends = deployment_.kept().tls.certificates.ends();
  std::sort(ends.begin(), ends.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (ends.size() > kMaxCertificates) ends.resize(kMaxCertificates);
  std::vector<std::pair<std::string, uint64_t>> certificates;
  certificates.reserve(ends.size());
  for (const auto& [file, end] : ends)
    certificates.emplace_back(file, static_cast<uint64_t>(end.time_since_epoch().count()));
  const proxy::Snapshot& snapshot = *deployment_.snapshot();
  const config::Metrics& wanted = deployment_.config().metrics;
  return {names_.states(),
          breaker_states(snapshot.upstreams),
          branch_states(snapshot, loop_.now()),
          &snapshot.groups,
          {wanted.consumers, wanted.targets},
          logs_.traces() != nullptr ? logs_.traces()->state() : telemetry::TraceState(),
          fleet_.overload(),
          std::move(certificates),
          logs_.access() != nullptr ? logs_.access()->dropped() : 0};
}

std::string Operations::scrape(telemetry::Registry::Form form) const {
  return metrics().scrape(states(), form);
}

nlohmann::json Operations::about() const {
  return {{"version", PORTCULLIS_VERSION},
          {"configuration", deployment_.version()},
          {"draining", fleet_.draining()}};
}

LiveFeed::Sources Operations::live() {
  return {.states = [this] { return states(); },
          .collect =
              [this](const std::function<void(telemetry::Notables::Batch)>& receive) {
                return fleet_.collect_notables(receive);
              },
          .about = [this] { return about(); },
          .tail =
              [this](uint64_t id, const std::shared_ptr<const telemetry::TailFilter>& filter) {
                fleet_.set_tail(id, filter);
              },
          .watch = [this](bool watched) { fleet_.set_measuring(watched); }};
}

Task<Result<nlohmann::json>> Operations::explain(Question question) {
  proxy::Worker* const worker = fleet_.rehearsing();
  Result<nlohmann::json> told = Error{"the gateway does not serve yet"};
  if (worker != nullptr) {
    std::function<Served()> served = [this] { return Served{deployment_.snapshot(), deployment_.config()}; };
    Task<Result<nlohmann::json>> asking =
        control::explain(loop_, *worker, std::move(served), std::move(question));
    told = co_await asking;
  }
  co_return told;
}

Task<ReloadOutcome> Operations::reload(std::string by) {
  return config_service_.reload(std::move(by));
}

bool Operations::resume_branch(const std::string& route, const std::string& branch) {
  return deployment_.kept().rollbacks.resume(route, branch);
}

Result<nlohmann::json> Operations::act(const policy::OperatorAction& action, std::string_view query) {
  return action.act(query, deployment_.services());
}

bool Operations::act_on_target(const TargetAction& action) {
  const auto& upstreams = deployment_.snapshot()->upstreams;
  const auto found = std::find_if(upstreams.begin(), upstreams.end(), [&action](const auto& upstream) {
    return upstream->name == action.upstream;
  });
  if (found == upstreams.end()) return false;
  upstream::UpstreamHealth& health = *(*found)->health;
  const std::string target = "upstream `" + action.upstream + "`: target " + action.address;
  bool known = false;
  switch (action.what) {
    case TargetAction::What::kResume:
      known = health.resume(action.address, loop_.now());
      if (known) say(target + " is not ejected any more, at an operator's request");
      break;
    case TargetAction::What::kDrain:
      known = health.set_drained(action.address, true, loop_.now());
      if (known) say(target + " is drained at an operator's request");
      break;
    case TargetAction::What::kUndrain:
      known = health.set_drained(action.address, false, loop_.now());
      if (known) say(target + " gets requests again, at an operator's request");
      break;
  }
  return known;
}

void Operations::audit(const std::string& action, const std::string& by, const nlohmann::json& details) {
  logs_.audit(action, by, details);
}

}  // namespace portcullis::control

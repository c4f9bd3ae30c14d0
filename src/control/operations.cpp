#include "control/operations.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "base/say.h"
#include "base/wall_clock.h"
#include "control/cluster/cluster_member.h"
#include "control/deployment.h"
#include "control/fleet.h"
#include "control/logs.h"
#include "control/name_service.h"

namespace portcullis::control {

Operations::Operations(EventLoop& loop, Deployment& deployment, Fleet& fleet, const NameService& names,
                       ConfigService& config_service, ChangeService& changes, DraftService& drafts,
                       Logs& logs, NodeState& node, EventHub& events,
                       const std::unique_ptr<ClusterMember>& cluster)
    : loop_(loop),
      deployment_(deployment),
      fleet_(fleet),
      names_(names),
      config_service_(config_service),
      changes_(changes),
      drafts_(drafts),
      logs_(logs),
      node_(node),
      events_(events),
      cluster_(cluster) {}

bool Operations::ready() const {
  // A node without any revision does not know yet what its cluster serves.
  const bool knows = !cluster_ || revision() != 0 || cluster_->follower().has_followed();
  return knows && !fleet_.draining();
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
          {"revision", deployment_.revision()},
          {"canary", changes_.canary().state()},
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

uint64_t Operations::revision() const {
  return deployment_.revision();
}

Task<ReloadOutcome> Operations::reload(Author by) {
  return config_service_.reload(std::move(by));
}

Task<ChangeOutcome> Operations::change(ChangeRequest request, Author by) {
  // The job may outlive this wait.
  struct Work {
    ChangeRequest request;
    ChangeOutcome outcome = Refusal{.status = 503, .title = "the gateway is draining", .retry_later = true};
    static Task<void> run(ChangeService& changes, std::shared_ptr<Work> work) {
      Task<ChangeOutcome> changing = changes.make(std::move(work->request));
      work->outcome = co_await changing;
    }
  };
  const auto work = std::make_shared<Work>();
  work->request = std::move(request);
  const uint64_t before = deployment_.revision();
  ConfigService::Job job = [&changes = changes_, work] { return Work::run(changes, work); };
  Task<bool> running = config_service_.run(std::move(job));
  co_await running;
  if (const auto* published = std::get_if<Published>(&work->outcome);
      published && published->revision != before && published->revision == revision()) {
    node_.since = current_second();
    events_.publish("revision_published", {{"revision", published->revision}, {"author", by.name}});
    if (cluster_) cluster_->tell();
  }
  co_return std::move(work->outcome);
}

Task<CaughtUp> Operations::catch_up() {
  // The job may outlive this wait.
  struct Work {
    CaughtUp caught{};
    static Task<void> run(CanaryKeeper& canary, std::shared_ptr<Work> work) {
      Task<CaughtUp> catching = canary.catch_up();
      work->caught = co_await catching;
    }
  };
  const auto work = std::make_shared<Work>();
  ConfigService::Job job = [&canary = changes_.canary(), work] { return Work::run(canary, work); };
  Task<bool> running = config_service_.run(std::move(job));
  co_await running;
  co_return std::move(work->caught);
}

std::vector<std::string> Operations::resume_branches(const std::string& route, const std::string& branch) {
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

void Operations::audit(const std::string& action, const Author& by, const nlohmann::json& details) {
  nlohmann::json told = details;
  told["revision"] = revision();
  logs_.audit(action, by, told);
}

}  // namespace portcullis::control

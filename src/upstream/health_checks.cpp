#include "upstream/health_checks.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "base/faults.h"
#include "base/hash.h"

namespace portcullis::upstream {

// Checks one address of one upstream periodically.
class HealthChecks::Probe {
 public:
  Probe(HealthChecks& checks, std::shared_ptr<const UpstreamDefinition> upstream,
        const SocketAddress& address, std::string name)
      : checks_(checks),
        upstream_(std::move(upstream)),
        address_(address),
        name_(std::move(name)),
        health_(upstream_->health->of(address.to_string())),
        random_(hash_bytes(address.to_string())) {
    if (upstream_->check_kind == CheckKind::kNone) {
      // The address is no longer checked, so it counts as up.
      health_->set_up(true, checks_.loop_.now(), "");
      return;
    }
    tasks_.spawn(run());
  }

  bool is_for(const UpstreamDefinition& upstream, const std::string& name) const {
    return upstream_->check_kind == upstream.check_kind && upstream_->health_check == upstream.health_check &&
           upstream_->health == upstream.health && upstream_->tls == upstream.tls &&
           upstream_->server_name == upstream.server_name && name_ == name;
  }

 private:
  Task<void> run() {
    EventLoop& loop = checks_.loop_;
    const HealthCheck& check = upstream_->health_check;
    // The first check starts at once, but with a random delay, so that many targets are not checked at the
    // same moment.
    co_await sleep_for(loop, Milliseconds(static_cast<int64_t>(random_.below(100))));
    for (;;) {
      Task<std::string> asked = check_target(loop, *upstream_, address_, name_);
      std::string why = co_await asked;
      const bool passed = why.empty();
      take(passed, std::move(why));
      const auto interval = check.interval_when(health_->up()).count();
      // Varies the interval by up to a tenth, so that the gateways of a cluster do not check at the same
      // time.
      const auto spread = static_cast<int64_t>(random_.below(static_cast<uint64_t>(interval / 5 + 1)));
      co_await sleep_for(loop, Milliseconds(std::max<int64_t>(interval - interval / 10 + spread, 1)));
    }
  }

  void take(bool passed, std::string why) {
    health_->note_check(passed);
    if (!passed) count_fault(Fault::kHealthCheck);
    if (passed == health_->up()) {
      in_row_ = 0;
      return;
    }
    const HealthCheck& check = upstream_->health_check;
    const uint32_t enough = passed ? check.healthy_after : check.unhealthy_after;
    if (++in_row_ < enough) {
      if (!passed && in_row_ == 1) tell_first_failure(why, enough);
      return;
    }
    in_row_ = 0;
    tell_fault(Fault::kHealthCheck, passed ? Level::kInfo : Level::kWarning,
               label() + (passed ? " is up" : " is down: " + why));
    health_->set_up(passed, checks_.loop_.now(), std::move(why));
  }

  // Logged at most once a minute, for a target that passes and fails in turn.
  void tell_first_failure(const std::string& why, uint32_t enough) {
    static constexpr Milliseconds kQuiet{60'000};
    const Clock::time_point now = checks_.loop_.now();
    if (now < quiet_until_) return;
    quiet_until_ = now + kQuiet;
    tell_fault(Fault::kHealthCheck, Level::kWarning,
               label() + " has failed a health check: " + why + "; it is down after " +
                   std::to_string(enough) + " in a row");
  }

  std::string label() const { return "upstream `" + upstream_->name + "`: target " + address_.to_string(); }

  HealthChecks& checks_;
  std::shared_ptr<const UpstreamDefinition> upstream_;
  const SocketAddress address_;
  const std::string name_;
  std::shared_ptr<TargetHealth> health_;
  Random random_;
  uint32_t in_row_ = 0;  // consecutive checks that contradict the current state
  Clock::time_point quiet_until_{};
  TaskGroup tasks_;
};

// Judges the targets of an upstream whose ejection rules look at intervals.
class HealthChecks::Judge final : private Timer {
 public:
  Judge(HealthChecks& checks, std::shared_ptr<const UpstreamDefinition> upstream)
      : checks_(checks), upstream_(std::move(upstream)) {
    checks_.loop_.arm(*this, upstream_->ejection.interval);
  }

  bool is_for(const UpstreamDefinition& upstream) const {
    return upstream_->ejection == upstream.ejection && upstream_->health == upstream.health;
  }

 private:
  void fire() override {
    upstream_->health->judge(upstream_->ejection, checks_.loop_.now());
    checks_.loop_.arm(*this, upstream_->ejection.interval);
  }

  HealthChecks& checks_;
  std::shared_ptr<const UpstreamDefinition> upstream_;
};

// Logs ejections, because workers eject targets but do not write messages.
class HealthChecks::News final : private Timer {
 public:
  explicit News(HealthChecks& checks) : checks_(checks) { checks_.loop_.arm(*this, kPeriod); }

 private:
  static constexpr Milliseconds kPeriod{500};

  static std::string seconds(Milliseconds length) {
    char text[32];
    std::snprintf(text, sizeof text, "%.6g", static_cast<double>(length.count()) / 1'000);
    return text;
  }

  void fire() override {
    for (const auto& upstream : checks_.upstreams_) {
      for (const UpstreamHealth::EjectionNews& one : upstream->health->take_news(checks_.loop_.now())) {
        if (checks_.on_ejection_) checks_.on_ejection_(upstream->name, one);
        const std::string target = "upstream `" + upstream->name + "`: target " + one.address;
        if (one.ejected) {
          tell_fault(Fault::kTargetEjected, Level::kWarning,
                     target + " is ejected for " + seconds(one.length) + " s: " + one.why);
        } else {
          tell_fault(Fault::kTargetEjected, Level::kInfo, target + " is used again: its ejection has ended");
        }
      }
    }
    checks_.loop_.arm(*this, kPeriod);
  }

  HealthChecks& checks_;
};

HealthChecks::HealthChecks(EventLoop& loop, OnEjection on_ejection)
    : loop_(loop), on_ejection_(std::move(on_ejection)) {}
HealthChecks::~HealthChecks() = default;

void HealthChecks::watch(std::vector<std::shared_ptr<const UpstreamDefinition>> upstreams) {
  if (news_ && upstreams == upstreams_) return;
  upstreams_ = std::move(upstreams);
  if (!news_) news_ = std::make_unique<News>(*this);
  arrange();
}

void HealthChecks::set_addresses(const std::string& host, const Addresses& addresses) {
  addresses_[host] = addresses;
  arrange();
}

void HealthChecks::set_discovered(const std::string& upstream, std::shared_ptr<const TargetList> targets) {
  discovered_[upstream] = std::move(targets);
  arrange();
}

void HealthChecks::arrange() {
  auto probes = std::exchange(probes_, {});
  auto judges = std::exchange(judges_, {});
  const auto keep = [&](const std::shared_ptr<const UpstreamDefinition>& upstream,
                        const SocketAddress& address, const std::string& name) {
    const std::string key = upstream->name + "\n" + address.to_string();
    if (probes_.contains(key)) return;
    const auto before = probes.find(key);
    probes_[key] = before != probes.end() && before->second->is_for(*upstream, name)
                       ? std::move(before->second)
                       : std::make_unique<Probe>(*this, upstream, address, name);
  };
  for (const auto& upstream : upstreams_) {
    const auto keep_all = [&](const TargetList& targets) {
      for (const TargetDefinition& target : targets) {
        if (const auto* address = std::get_if<SocketAddress>(&target.place)) {
          keep(upstream, *address, address->host());
          continue;
        }
        const auto& named = std::get<HostPort>(target.place);
        for (SocketAddress address : addresses_[named.host]) {
          address.set_port(named.port);
          keep(upstream, address, named.host);
        }
      }
    };
    keep_all(upstream->targets);
    const auto discovered = discovered_.find(upstream->name);
    if (upstream->discovers && discovered != discovered_.end()) keep_all(*discovered->second);
    if (!upstream->ejection.judges_intervals()) continue;
    const auto before = judges.find(upstream->name);
    if (judges_.contains(upstream->name)) continue;
    judges_[upstream->name] = before != judges.end() && before->second->is_for(*upstream)
                                  ? std::move(before->second)
                                  : std::make_unique<Judge>(*this, upstream);
  }
}

std::vector<telemetry::TargetState> HealthChecks::states() const {
  std::vector<telemetry::TargetState> out;
  std::set<const UpstreamHealth*> told;
  for (const auto& upstream : upstreams_) {
    if (told.insert(upstream->health.get()).second)
      upstream->health->append_states(upstream->name, loop_.now(), out);
  }
  return out;
}

}  // namespace portcullis::upstream

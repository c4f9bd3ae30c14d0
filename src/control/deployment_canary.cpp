// The canary of a deployment: a second snapshot beside the one in force.

#include <algorithm>

#include "base/text.h"
#include "control/deployment.h"
#include "control/fleet.h"
#include "control/name_service.h"

namespace portcullis::control {
namespace {

// Finds what two configurations cannot have each for itself while both serve.
Status check_beside(const config::Config& base, const config::Config& canary) {
  std::vector<std::string> others = base.node_settings.differences(canary.node_settings);
  for (std::string& name : others) name = "`" + name + "`";
  if (!others.empty())
    return Error{
        "a canary is served with the listeners and the settings of the node that are in force, but " +
        join(others) + (others.size() == 1 ? " differs" : " differ") +
        ": publish this change without a canary"};
  for (const config::Upstream& upstream : canary.upstreams) {
    const auto same = std::find_if(base.upstreams.begin(), base.upstreams.end(),
                                   [&](const config::Upstream& one) { return one.name == upstream.name; });
    if (same != base.upstreams.end() && !same->discover.is_same(upstream.discover))
      return Error{
          "the targets of upstream `" + upstream.name +
          "` come from another source (`discover`) than those in force: publish this change without a "
          "canary, or give the upstream another name"};
  }
  return {};
}

}  // namespace

Task<Status> Deployment::begin_canary(config::Config config, const proxy::CanaryRules& rules,
                                      uint64_t revision, Record record) {
  if (Status free = may_change(); !free) co_return free;
  if (Status fits = check_beside(config_, config); !fits) co_return fits;
  const Changing changing(*this);
  auto choice = std::make_shared<const proxy::CanaryChoice>(revision, rules);
  const auto compiled = compile(config, revision);
  if (!compiled) {
    kept_.keep_only(config_);
    co_return compiled.error();
  }
  if (const Status followed = names_.follow({{config_, snapshot_}, {config, *compiled}}, *metrics_);
      !followed) {
    follow_what_is_in_force();
    co_return followed;
  }
  Task<void> settling = names_.settle();
  co_await settling;
  if (record) {
    Task<Status> recording = record();
    const Status recorded = co_await recording;
    if (!recorded) {
      follow_what_is_in_force();
      co_return recorded;
    }
  }
  canary_ = Canary{std::move(config), *compiled, std::move(choice)};
  fleet_.begin_canary(canary_->snapshot, canary_->choice);
  tell_revisions();
  co_return Status();
}

void Deployment::divide_anew(const proxy::CanaryRules& rules) {
  if (!canary_) return;
  canary_->choice = std::make_shared<const proxy::CanaryChoice>(canary_->snapshot->revision, rules);
  fleet_.begin_canary(canary_->snapshot, canary_->choice);
}

Status Deployment::promote_canary() {
  if (!canary_) return Error{"there is no canary"};
  if (is_changing_) return Error{"another change is being published: try again"};
  auto sockets = listeners_.update(canary_->snapshot->listeners, worker_count_, surroundings_.closed_files());
  if (!sockets) return sockets.error();
  if (Status followed = names_.follow({{canary_->config, canary_->snapshot}}, *metrics_); !followed) {
    follow_what_is_in_force();
    return followed;
  }
  fleet_.publish(canary_->snapshot, std::move(*sockets));
  Canary promoted = std::move(*canary_);
  canary_.reset();
  become(std::move(promoted.config), std::move(promoted.snapshot));
  return {};
}

void Deployment::drop_canary() {
  if (!canary_) return;
  fleet_.end_canary();
  canary_.reset();
  tell_revisions();
  follow_what_is_in_force();
}

// Compiles the canary again, because files of certificates have changed.
Status Deployment::renew_canary() {
  const auto compiled = compile(canary_->config, canary_->snapshot->revision);
  if (!compiled) return compiled.error();
  canary_->snapshot = *compiled;
  fleet_.begin_canary(canary_->snapshot, canary_->choice);
  return follow(config_, snapshot_);
}

}  // namespace portcullis::control

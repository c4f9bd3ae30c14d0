#include "control/target_discovery.h"

#include <algorithm>

#include "control/upstream_setup.h"

namespace portcullis::control {

void TargetDiscovery::watch(const std::vector<const config::Config*>& configs, telemetry::Registry& metrics) {
  metrics_ = &metrics;
  auto before = std::exchange(entries_, {});
  for (const config::Config* config : configs) {
    zone_ = config->zone;
    for (const config::Upstream& upstream : config->upstreams) {
      if (upstream.discover.enabled()) follow(upstream, before);
    }
  }
}

void TargetDiscovery::follow(const config::Upstream& upstream, Entries& before) {
  std::unique_ptr<Entry>& entry = entries_[upstream.name];
  if (entry) return;
  config::Discover told = upstream.discover;
  told.file = told.location.beside(told.file);
  const auto same = before.find(upstream.name);
  if (same != before.end() && same->second->told.is_same(told)) {
    entry = std::move(same->second);
    compile(*entry);
    return;
  }
  entry = std::make_unique<Entry>();
  entry->told = told;
  Entry& mine = *entry;
  mine.upstream = upstream.name;
  mine.source =
      discovery::make_source(environment_, mine.told, [this, &mine](discovery::Source::Targets targets) {
        mine.targets = std::move(targets);
        compile(mine);
      });
}

void TargetDiscovery::compile(Entry& entry) {
  auto list = std::make_shared<upstream::TargetList>();
  for (const config::Target& target : entry.targets)
    list->push_back(compile_target(entry.upstream, target, zone_, *metrics_));
  if (entry.compiled && *entry.compiled == *list) return;
  entry.compiled = std::move(list);
  on_targets_(entry.upstream, entry.compiled);
}

std::shared_ptr<const upstream::TargetList> TargetDiscovery::targets_of(const std::string& upstream) const {
  const auto entry = entries_.find(upstream);
  return entry == entries_.end() ? nullptr : entry->second->compiled;
}

void TargetDiscovery::for_each(const OnTargets& visit) const {
  for (const auto& [upstream, entry] : entries_) {
    if (entry->compiled) visit(upstream, entry->compiled);
  }
}

bool TargetDiscovery::settled() const {
  return std::all_of(entries_.begin(), entries_.end(),
                     [](const auto& one) { return one.second->source->answered(); });
}

std::set<std::string> TargetDiscovery::hosts() const {
  std::set<std::string> out;
  for (const auto& [name, entry] : entries_) {
    if (entry->compiled) add_hosts(*entry->compiled, out);
  }
  return out;
}

}  // namespace portcullis::control

#include "proxy/worker_snapshot.h"

#include <string_view>
#include <unordered_map>
#include <utility>

namespace portcullis::proxy {

WorkerSnapshot::WorkerSnapshot(EventLoop& loop, std::shared_ptr<const Snapshot> compiled,
                               const WorkerSnapshot* before, uint64_t seed)
    : snapshot(std::move(compiled)) {
  std::unordered_map<std::string_view, const std::shared_ptr<upstream::Upstream>*> known;
  if (before != nullptr) {
    for (const auto& upstream : before->upstreams) known.emplace(upstream->definition().name, &upstream);
  }
  for (const auto& definition : snapshot->upstreams) {
    const auto same = known.find(definition->name);
    if (same != known.end() && (*same->second)->definition() == *definition) {
      upstreams.push_back(*same->second);
    } else {
      upstreams.push_back(std::make_shared<upstream::Upstream>(loop, definition, seed++));
    }
  }
}

}  // namespace portcullis::proxy

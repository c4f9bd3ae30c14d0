#include "proxy/worker_snapshot.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace portcullis::proxy {

namespace {

using Others = std::initializer_list<const WorkerSnapshot*>;

// Finds the upstreams of other snapshots that are the same as those of a new one. Most have the same
// definition at the same place.
class SameUpstreams {
 public:
  explicit SameUpstreams(Others others) : others_(others) {}

  // Null when there is none.
  std::shared_ptr<upstream::Upstream> find(size_t index, const upstream::UpstreamDefinition& definition) {
    for (const WorkerSnapshot* one : others_) {
      if (one == nullptr || index >= one->upstreams.size()) continue;
      if (&one->upstreams[index]->definition() == &definition) return one->upstreams[index];
    }
    if (!by_name_) by_name_ = index_others();
    const auto [begin, end] = by_name_->equal_range(definition.name);
    const auto same =
        std::find_if(begin, end, [&](const auto& one) { return (*one.second)->definition() == definition; });
    return same == end ? nullptr : *same->second;
  }

 private:
  using ByName = std::unordered_multimap<std::string_view, const std::shared_ptr<upstream::Upstream>*>;

  ByName index_others() const {
    ByName out;
    for (const WorkerSnapshot* one : others_) {
      if (one == nullptr) continue;
      for (const auto& upstream : one->upstreams) out.emplace(upstream->definition().name, &upstream);
    }
    return out;
  }

  const Others others_;
  std::optional<ByName> by_name_;
};

}  // namespace

WorkerSnapshot::WorkerSnapshot(EventLoop& loop, std::shared_ptr<const Snapshot> compiled,
                               std::initializer_list<const WorkerSnapshot*> others, uint64_t seed)
    : snapshot(std::move(compiled)) {
  SameUpstreams known(others);
  upstreams.reserve(snapshot->upstreams.size());
  for (const auto& definition : snapshot->upstreams) {
    auto same = known.find(upstreams.size(), *definition);
    if (same == nullptr) same = std::make_shared<upstream::Upstream>(loop, definition, seed++);
    upstreams.push_back(std::move(same));
  }
}

}  // namespace portcullis::proxy

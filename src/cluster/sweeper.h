#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cluster/layout.h"
#include "cluster/revisions.h"
#include "etcd/client.h"
#include "store/retention.h"

namespace portcullis::cluster {

struct Swept {
  size_t revisions = 0;
  size_t pieces = 0;
  size_t audit_lines = 0;
};

// Removes what is no longer kept: revisions that have expired, parts that no revision and no draft has, and
// old lines of the audit log. Any node may sweep at any time, also several at once. On the loop's thread.
//
// A part that a publication needs is never removed. All is decided by the state of one revision S of etcd:
// - A publication whose key `publishing/ID` is there at S has written its parts after that key. Parts that
//   are not older than the oldest such key stay.
// - A publication whose key came before S and is gone at S has completed, or cannot complete any more.
// - A publication that begins after S writes each part that it adds, even one that is there already. A part
//   is removed only if it was not written since S.
// - The parts that a publication takes over are those of the newest revision, which is never removed.
// A draft is written in the same way as a publication, or in one transaction (cluster/drafts.h).
class Sweeper {
 public:
  // Audit lines that are kept.
  static constexpr size_t kAuditLines = 10'000;

  Sweeper(etcd::Client& client, const Layout& layout, Revisions& revisions, store::Retention retention)
      : client_(client), layout_(layout), revisions_(revisions), retention_(retention) {}

  // `kept`: revisions that stay although they are old, such as those that a canary or a stage has. Tags keep
  // theirs. Removes at most some hundreds of revisions in one call.
  Task<Result<Swept>> sweep(std::chrono::sys_seconds now, std::set<uint64_t> kept);

 private:
  // A revision of the cluster, and the revision of etcd that has written it.
  struct Kept {
    uint64_t number = 0;
    uint64_t created = 0;
  };
  // The parts of a revision: their hashes, shortened. Two that are the same by chance keep a part too long.
  struct Parts {
    uint64_t created = 0;
    std::vector<uint64_t> hashes{};
  };

  Task<Result<std::vector<Kept>>> revisions_at(uint64_t moment);
  Task<Result<size_t>> expire_revisions(std::chrono::sys_seconds now, std::set<uint64_t> kept);
  Task<Result<size_t>> remove_revisions(std::vector<uint64_t> numbers, uint64_t tags_seen);
  Task<Status> learn_parts(std::vector<Kept> kept);
  Task<Result<std::vector<uint64_t>>> parts_of_drafts(uint64_t moment);
  Task<Result<size_t>> remove_orphans();
  Task<Result<size_t>> remove_unchanged(std::vector<etcd::KeyValue> items);
  Task<Result<size_t>> trim_audit();
  Task<Result<etcd::RangeAnswer>> keys_in(std::string folder, uint64_t revision);

  etcd::Client& client_;
  const Layout& layout_;
  Revisions& revisions_;
  const store::Retention retention_;
  std::map<uint64_t, Parts> parts_;  // of each revision, by its number
  uint64_t last_moment_ = 0;
};

}  // namespace portcullis::cluster

#pragma once

#include <string>
#include <variant>
#include <vector>

#include "cluster/build.h"
#include "cluster/keys.h"
#include "cluster/layout.h"
#include "cluster/revisions.h"
#include "etcd/lease.h"
#include "store/store.h"

namespace portcullis::cluster {

struct Published {
  ContentPtr content;
};
using PublishOutcome = std::variant<Published, store::Unchanged, store::Overtaken, store::Unusable>;

// Publishes revisions. First the key `publishing/ID` is written with the node's lease, together with the
// parts that the newest revision does not have. Then one transaction writes the header and `current`, if
// `current` is still the one from which the revision was made and the key `publishing/ID` is still there. So
// a revision is there as a whole or not at all, and of two that are published at the same time one is
// overtaken. A draft that was made from another revision of the same number, as Draft::newest_hash says, is
// overtaken too. The key `canary` is written or removed in the same transaction.
//
// A publication whose node has lost its lease cannot complete, so its parts can be swept (cluster/sweeper.h).
//
// On the loop's thread. Several publications may be in progress. Destroying a task leaves either nothing or
// the whole revision. All that is passed must outlive the publisher.
class Publisher {
 public:
  Publisher(etcd::Client& client, const Layout& layout, Revisions& revisions, SidePool& pool, Keys keys,
            const etcd::Lease& lease)
      : client_(client),
        layout_(layout),
        revisions_(revisions),
        pool_(pool),
        keys_(std::move(keys)),
        lease_(lease) {}

  // The objects of the newest revision, changed. An Error says what to do; after one that says that the
  // outcome is unknown, the revision may be there.
  Task<Result<PublishOutcome>> publish(store::Draft draft, store::Changes changes);
  // Exactly these objects.
  Task<Result<PublishOutcome>> publish_all(store::Draft draft, std::vector<store::Object> objects);

 private:
  Task<Result<PublishOutcome>> publish_in_scope(store::Draft draft, store::Changes changes, Scope scope);
  Task<Result<ContentPtr>> newest_content(const Current& current);
  Task<Result<ContentPtr>> content_of(uint64_t number);
  Task<Status> write_parts(const Built& built, uint64_t lease);
  Task<Result<PublishOutcome>> complete(const Built& built, const Current& base, const store::Draft& draft);
  etcd::Transaction completion(const Built& built, const Current& base, const store::Draft& draft) const;

  etcd::Client& client_;
  const Layout& layout_;
  Revisions& revisions_;
  SidePool& pool_;
  const Keys keys_;
  const etcd::Lease& lease_;
  ContentPtr newest_ = no_content();  // the newest that was published here
};

}  // namespace portcullis::cluster

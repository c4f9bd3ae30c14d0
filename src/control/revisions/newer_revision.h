#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "control/revisions/live_objects.h"
#include "store/store.h"

namespace portcullis::control {

// What others have published since a node has last looked.
struct NewerRevision {
  store::Head head;
  LiveObjects live;      // the objects of the revision in force, as they are stored
  LiveObjects newest;    // those of the newest revision
  std::string author{};  // of the revision in force
  // The store does not have the revision any more that the node has seen as its newest.
  bool is_restored = false;
};

// An error when a revision has objects of a kind that this version does not know.
Status check_kinds(store::Store& store, uint64_t number);

// Reads from the store what a node that knows `known` has not seen of `head`; nothing when both are the same.
// An error when there are objects that this version does not know, because it would leave them out. On the
// store's thread.
Result<std::optional<NewerRevision>> newer_revision(store::Store& store, store::Head head,
                                                    const store::Head& known);

}  // namespace portcullis::control

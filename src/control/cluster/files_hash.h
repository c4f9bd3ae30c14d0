#pragma once

#include <string>
#include <vector>

#include "control/revisions/live_objects.h"
#include "control/revisions/revision_store.h"

namespace portcullis::control {

// The hash of the objects of a node's files: nodes with equal files and the same key file have equal hashes.
// It is made anew only when the objects have changed. Control thread.
class FilesHash {
 public:
  const std::string& of(const LiveObjects& live, const RevisionStore& store);

 private:
  std::vector<ObjectPointer> files_{};  // of which hash_ is
  std::string hash_{};
};

}  // namespace portcullis::control

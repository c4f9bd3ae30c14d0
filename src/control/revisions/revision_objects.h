#pragma once

#include <variant>
#include <vector>

#include "control/revisions/edit.h"
#include "control/revisions/publisher.h"
#include "runtime/task.h"

// The objects of revisions that are kept.
namespace portcullis::control {

using RevisionObjects = std::variant<std::vector<ObjectPointer>, Refusal>;

// The objects of a revision; those of files have no position.
Task<RevisionObjects> objects_of_revision(Publisher& publisher, uint64_t number);

Refusal refuse_missing(store::Missing missing, uint64_t number);

// The edits after which the API has the objects that it had in `before`.
std::vector<Edit> edits_to_restore(const LiveObjects& live, const std::vector<ObjectPointer>& before);

}  // namespace portcullis::control

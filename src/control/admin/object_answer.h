#pragma once

#include <vector>

#include "control/admin/call.h"
#include "control/revisions/edit.h"
#include "control/revisions/publisher.h"

// What calls on objects answer, be the objects in force or in a draft.
namespace portcullis::control {

// A page of the objects of a kind: `limit`, `after` and `label` of the query choose them.
ServerAnswer answer_list(const CallRequest& request, const LiveObjects& objects, const ObjectKind& kind);
// The object with its `ETag`: 304 when the client has it, 404 when there is none. A single object that is not
// there is an empty list.
ServerAnswer answer_object(const Publisher& publisher, const CallRequest& request, const LiveObjects& objects,
                           const ObjectId& id);
// The answer to a write: the object (200, or 201 when it did not exist), or 204 when it is gone.
enum class Before { kAbsent, kThere };
ServerAnswer answer_written(const Publisher& publisher, const CallRequest& request,
                            const LiveObjects& objects, const ObjectId& id, Before before);
ServerAnswer refuse_unknown_object(const ObjectId& id);
// All objects as one document, in the form that `format` of the query names.
ServerAnswer answer_config(const CallRequest& request, const std::vector<ObjectPointer>& objects);

// The edit of one object, with the preconditions of the request.
Edit edit_of(const CallRequest& request, Edit::What what, ObjectId id, nlohmann::json value = {});

}  // namespace portcullis::control

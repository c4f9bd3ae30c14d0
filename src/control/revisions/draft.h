#pragma once

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "control/revisions/edit.h"
#include "control/revisions/live_objects.h"

namespace portcullis::control {

// An object of a draft.
struct DraftedObject {
  ObjectPointer draft;  // null when the draft removes it
  ObjectPointer base;   // what was in force when it was written into the draft; null when there was none
};

// A change of objects of the API that has not been published.
struct ObjectsDraft {
  std::string author{};  // of the first write
  std::chrono::sys_seconds time{};
  std::string changed_by{};  // the author of the latest write
  std::chrono::sys_seconds changed{};
  std::map<ObjectId, DraftedObject> objects{};
};

// A draft as JSON, with its secrets, and the draft of such a text; nothing when the text has another form.
std::string text_of(const ObjectsDraft& draft);
std::optional<ObjectsDraft> draft_of(const std::string& text);

// What is in force, with the draft on it. Objects of the draft have the revision 0.
LiveObjects with_draft(const LiveObjects& live, const ObjectsDraft& draft);

// Takes over a change of with_draft(live, draft). An object that is then as in `live` is not in the draft any
// more.
void write_into(ObjectsDraft& draft, const Resolved& change, const LiveObjects& live);

// The edits that publish the draft. None of them was sent.
std::vector<Edit> edits_of(const ObjectsDraft& draft);
// The objects of the draft that others have changed since they were written into it, as those see them who
// may not see secrets: `[{kind, name, base, live, draft}]`, with null for an object that is not there.
nlohmann::json conflicts_of(const ObjectsDraft& draft, const LiveObjects& live);
// The refusal of a draft with conflicts: 409 with them as `objects`. Nothing when there are none.
std::optional<Refusal> refuse_overtaken(const ObjectsDraft& draft, const LiveObjects& live);

}  // namespace portcullis::control

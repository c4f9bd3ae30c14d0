#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "control/revisions/change_service.h"
#include "control/revisions/draft.h"
#include "control/revisions/draft_keeper.h"
#include "control/revisions/publisher.h"

namespace portcullis::control {

// A draft, and the version of it that was read.
struct SeenDraft {
  ObjectsDraft draft;
  uint64_t version = 0;  // 0: there is no such draft
};

// The drafts of the gateway: changes that are prepared by several calls and published as one. Control thread;
// the texts of drafts are read and written on another one.
class DraftService {
 public:
  // `changes` outlives this object.
  DraftService(std::unique_ptr<DraftKeeper> keeper, ChangeService& changes)
      : keeper_(std::move(keeper)), changes_(changes) {}

  // Keeps drafts in another place from now on. For the start.
  void keep_in(std::unique_ptr<DraftKeeper> keeper) { keeper_ = std::move(keeper); }

  using Found = std::variant<SeenDraft, Refusal>;
  // 404 when there is no such draft.
  Task<Found> find(std::string name);
  using All = std::variant<std::vector<std::pair<std::string, ObjectsDraft>>, Refusal>;
  Task<All> all();

  // Applies a change to a draft, which is made when there is none of this name; its resets come first, and do
  // nothing to objects that are not in the draft. The change is not checked
  // with the rest of the configuration: publishing does that. The draft then is what the result says.
  Task<Found> change(std::string name, ChangeRequest request);
  // What change() would make of the draft. Nothing is written.
  Task<Found> try_change(std::string name, const ChangeRequest& request);
  // Deletes a draft; with a version only while it is this one. The refusal is 404 when there is no such
  // draft.
  Task<std::optional<Refusal>> remove(std::string name, std::optional<uint64_t> version, ChangeRequest by);

  // What is in force, with the draft on it.
  LiveObjects view(const ObjectsDraft& draft) const { return with_draft(publisher().live(), draft); }

 private:
  // A draft whose text cannot be read.
  struct Unreadable {
    std::string why;
    uint64_t version = 0;
  };
  using Opened = std::variant<SeenDraft, Unreadable, Refusal>;
  Task<Opened> open(std::string name);
  Task<Found> read(std::string name);
  std::variant<uint64_t, Refusal> may_remove(Opened opened, const std::string& name,
                                             const ChangeRequest& by) const;
  std::optional<Refusal> apply(ObjectsDraft& draft, const ChangeRequest& request) const;
  std::optional<Refusal> reset(ObjectsDraft& draft, const ChangeRequest& request) const;
  using Written = std::variant<DraftKeeper::Outcome, Refusal>;
  Task<Written> write(std::string name, const SeenDraft& seen);
  const Publisher& publisher() const { return changes_.publisher(); }

  std::unique_ptr<DraftKeeper> keeper_;
  ChangeService& changes_;
};

}  // namespace portcullis::control

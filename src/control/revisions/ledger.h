#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/revisions/newer_revision.h"
#include "control/revisions/revision_store.h"
#include "runtime/task.h"
#include "store/store.h"

namespace portcullis::control {

class SharedCanary;

// Where revisions are kept, which one is the newest, and how one becomes the newest. There are two forms: the
// node's own store, which several processes may share (StoreLedger), and a cluster, in which etcd decides and
// each node's store has a copy (ClusterLedger). Revisions are read from the store in both forms. Control
// thread.
//
// Tasks that wait when the gateway drains are destroyed. An Error means that the work could not be done now,
// and says what to do.
class Ledger {
 public:
  // Which objects its revisions have.
  enum class Holds {
    kAll,     // those of the node's files too
    kApiOnly  // files belong to their node
  };

  virtual ~Ledger() = default;

  virtual Holds holds() const = 0;
  // The revisions that this node has.
  virtual RevisionStore& store() = 0;

  struct AtStart {
    store::Head head;          // its revision in force is to be served
    uint64_t served_last = 0;  // what this node has served last
  };
  // What the store has. For the start: blocks.
  virtual Result<AtStart> at_start() = 0;
  // What others have published, for a node that knows `known`; nothing when there is nothing. The store then
  // has it.
  virtual Task<Result<std::optional<NewerRevision>>> newer(store::Head known) = 0;
  // Called when this node can serve a revision that others have published, so that it can begin with it after
  // a restart.
  virtual Task<Status> note_served(uint64_t number) = 0;
  // As note_served(), with the first revision of the process. For the start: blocks.
  virtual Status note_served_first(uint64_t number) = 0;

  // As Store::append() and Store::append_all(). When the outcome is Overtaken, newer() has what has overtaken
  // the draft.
  virtual Task<Result<store::AppendOutcome>> append(store::Draft draft, store::Changes changes) = 0;
  virtual Task<Result<store::AppendOutcome>> append_all(store::Draft draft,
                                                        std::vector<store::Object> objects) = 0;

  // As Store::tag() and Store::remove_tag().
  virtual Task<Result<store::Found<uint64_t>>> tag(std::string name, uint64_t number) = 0;
  virtual Task<Result<store::Store::Untagged>> remove_tag(std::string name) = 0;

  // The canary that this node has together with others; null where each node has its own.
  virtual SharedCanary* shared_canary() { return nullptr; }

  // The next newer() must know all that was published before this call: an author has seen more than this
  // node has heard of.
  virtual void ask_anew() {}
};

// The store of this node, which other processes may use too.
class StoreLedger final : public Ledger {
 public:
  explicit StoreLedger(std::unique_ptr<RevisionStore> store) : store_(std::move(store)) {}

  Holds holds() const override { return Holds::kAll; }
  RevisionStore& store() override { return *store_; }
  Result<AtStart> at_start() override;
  Task<Result<std::optional<NewerRevision>>> newer(store::Head known) override;
  // The next two do nothing: the store says which revision is in force for all processes.
  Task<Status> note_served(uint64_t number) override;
  Status note_served_first(uint64_t number) override;
  Task<Result<store::AppendOutcome>> append(store::Draft draft, store::Changes changes) override;
  Task<Result<store::AppendOutcome>> append_all(store::Draft draft,
                                                std::vector<store::Object> objects) override;
  Task<Result<store::Found<uint64_t>>> tag(std::string name, uint64_t number) override;
  Task<Result<store::Store::Untagged>> remove_tag(std::string name) override;

 private:
  std::unique_ptr<RevisionStore> store_;
};

}  // namespace portcullis::control

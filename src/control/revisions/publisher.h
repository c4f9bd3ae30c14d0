#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "config/model.h"
#include "config/origin.h"
#include "control/config_service.h"
#include "control/revisions/edit.h"
#include "control/revisions/ledger.h"
#include "control/revisions/live_objects.h"
#include "runtime/side_pool.h"

namespace portcullis::control {

class CanaryControl;
class Deployment;

// A change that is in force, and stored.
struct Published {
  uint64_t revision;
  std::string summary;  // "+2 routes, ~1 upstream"; empty when nothing has changed
};
using ChangeOutcome = std::variant<Published, Refusal>;

// A change that can be put in force, or the answer to one that cannot or need not be.
using PreparedChange = std::variant<Publication, Published, Refusal>;

// What a change would do.
struct Plan {
  std::optional<Refusal> refusal{};  // for which reason it would not be made
  std::vector<Finding> findings{};   // errors and warnings of the configuration
  // The objects that differ; one of a pair is null when there is none.
  std::vector<ObjectPointer> before{}, after{};
  std::vector<config::JudgedAssertion> assertions{};
  std::optional<config::Config> config{};  // nothing when it has errors
};

// A plan of which the configuration has not been checked.
struct PlanInHand {
  Plan plan{};  // with `refusal` and `before`
  Resolved resolved{};
  // Makes the reading, on any thread; empty for a change that cannot be applied.
  std::function<config::Reading()> read{};
  config::Reading reading{};
};

// What became of a look at what others have published.
struct CaughtUp {
  std::optional<Refusal> refusal{};  // why no change can be made now
  std::set<ObjectId> changed{};      // what others have changed
  std::string unread{};              // why the newest revision could not be read; empty when it was
  bool has_found = false;            // whether others have published since the look before
};

// Makes revisions. A revision is what the files of the node say together with the objects of the admin API:
// this object joins them, has them checked and compiled, has the revision stored, and only then puts it in
// force, so that what is in force is always what the store has. Control thread.
class Publisher final : public ConfigTarget {
 public:
  // `deployment` outlives this object.
  Publisher(EventLoop& loop, Deployment& deployment);
  ~Publisher() override;

  // Begins with what the store of `ledger` has. For the start: blocks.
  Status open(std::unique_ptr<Ledger> ledger);
  // Begins with the revision that this node has served last, because it cannot serve the one in force, for
  // the reason `why`. False when that is the same one. For the start: blocks.
  Result<bool> fall_back(const std::string& why);
  // The number of the first revision of this process: the newest one of the store, or the next one when files
  // have changed.
  uint64_t first_revision(const config::ObjectDocument& objects) const;
  // Called when the first configuration is in force: stores it, unless it is stored already. For the start:
  // blocks.
  Status begin(config::ObjectDocument objects);

  // Called when this node serves a revision that others have published, with its author.
  using Follow = std::function<void(uint64_t revision, const std::string& author)>;
  void on_follow(Follow follow) { follow_ = std::move(follow); }

  Task<Status> look_for_newer() override;
  // Called with what the ledger has when others have published, before anything of it is put in force.
  using Settle = std::function<void(const store::Head&)>;
  // Puts in force what others have published, from the queue of ConfigService, but for a canary: see
  // awaited_canary(). The objects of this node's files stay what they are. After a refusal, what was in force
  // stays in force; see also is_behind(). The task is destroyed when the gateway drains.
  Task<CaughtUp> catch_up(Settle settle);
  // True when this node cannot serve the newest revision of its cluster, as catch_up() has found. A change is
  // then made from the objects of that revision, so that it can be mended on each node.
  bool is_behind() const { return is_behind_; }
  // The objects from which the next change is made.
  const LiveObjects& base() const { return is_behind_ ? newer_->live : live_; }
  // The number of the newest revision that this node knows.
  uint64_t newest() const;
  // The newest revision when this node has tried to serve it, and could not; or else 0.
  uint64_t refused() const { return refused_ ? refused_->number : 0; }
  // True when the latest change was not stored because others were faster: catch_up() and try again.
  bool was_overtaken() const { return stored_ == Stored::kOvertaken; }

  // Adds the objects of the API to a reading of files, and checks the whole.
  Checked check(config::Reading reading) override;
  Task<Checked> check_aside(config::Reading reading) override;
  Task<Status> publish(Publication publication) override;
  Task<std::optional<Status>> publish_certificates() override;
  uint64_t revision() const override;

  // The next three make a change of objects of the API, from the queue of ConfigService. The tasks are
  // destroyed when the gateway drains. First the change is checked:
  Task<PreparedChange> prepare(const ChangeRequest& request);
  Task<ChangeOutcome> put_in_force(Publication publication);
  // Stores the revision, and gives it its share of the requests.
  Task<ChangeOutcome> begin_canary(Publication publication, proxy::CanaryRules rules, CanaryControl& control);
  // What a change would do now. Nothing is changed. Before end_plan(), the caller has `reading` made by
  // `read` and checked (Deployment::try_out), which may be on another thread. `request` is the same for both.
  PlanInHand begin_plan(const ChangeRequest& request);
  Plan end_plan(PlanInHand in_hand, const ChangeRequest& request, std::optional<config::Config> config) const;

  // Waits for the end of the check that runs on another thread. Call this before the loop is destroyed.
  void stop();

  // The number of the canary that the store had when it was opened; 0 when there was none.
  uint64_t stored_canary() const { return stored_canary_; }
  // Begins that canary anew, from the queue of ConfigService. The error says why this is not possible any
  // more.
  Task<Status> resume_canary(CanaryControl& control);
  // A canary of the cluster that this node does not serve yet.
  struct AwaitedCanary {
    uint64_t number;
    uint64_t base;
    std::string text;  // store::Draft::canary
  };
  const std::optional<AwaitedCanary>& awaited_canary() const { return awaited_; }
  // Begins it, from the queue of ConfigService. After an error it is awaited still, and last_error() says
  // why.
  Task<Status> follow_canary(CanaryControl& control);
  // True while the cluster has a canary, as catch_up() has found. No change can be made then.
  bool is_in_trial() const;
  // Stores that the canary has ended, and that the revision with this number is in force.
  Task<Status> record_canary_end(uint64_t in_force);
  // The refusal of a promotion by an author who may change only objects with these labels; nothing when the
  // canary changes no others.
  std::optional<Refusal> refuse_promotion(const config::TextMap& labels) const;
  // Called when the canary has been put in force.
  void take_canary_objects();
  // Called when the canary has been withdrawn.
  void drop_canary_objects();

  const LiveObjects& live() const { return live_; }
  Ledger& ledger() { return *ledger_; }
  const Ledger& ledger() const { return *ledger_; }
  RevisionStore& store() { return ledger_->store(); }
  const RevisionStore& store() const { return ledger_->store(); }
  // The entity tag of an object, as in `ETag`: with its quotes.
  std::string tag_of(const config::Object& object) const;
  // What an error of the store, or of the latest change, has said; empty after a success.
  const std::string& last_error() const { return refused_ ? refused_->why : last_error_; }

 private:
  // Makes a reading of what is in force, with other objects of the API. The function can be called on another
  // thread.
  std::function<config::Reading()> reading_with(std::vector<ObjectPointer> objects) const;
  // The objects of the newest revision of the store.
  const LiveObjects& newest_objects() const { return apart_ ? *apart_ : live_; }
  // How a revision with the objects `next` differs from one with those of `before`.
  store::Changes changes_from(const LiveObjects& before, const config::ObjectDocument& next) const;
  // What the store is to have when `next` is in force: objects of files as the newest revision has them,
  // because another process with the same store may have other files.
  config::ObjectDocument as_stored(const config::ObjectDocument& next) const;
  void forget_apart_if_live();
  void note_appended(const store::Revision& revision, std::string canary);
  static Error refuse_beside_canary(uint64_t number);
  static std::string cannot_be_served(uint64_t number, const std::string& why);
  void note_refused(uint64_t number, const std::string& why);
  // Files and the objects of the API, as they were checked together.
  struct Joined {
    Checked checked{};
    // Why the files do not go with the newest revision of the cluster, when they were checked with the one in
    // force instead.
    std::optional<std::string> newest_refused{};
  };
  // Files, and the objects of the API that they are checked with.
  struct ToJoin {
    config::Reading reading{};
    std::vector<ObjectPointer> newest{};
    // What is in force, when the files may go with that instead of the newest revision of the cluster.
    std::optional<std::vector<ObjectPointer>> in_force{};
    uint64_t from = 0;  // Checked::from
  };
  std::optional<config::Config> check_with(const std::vector<ObjectPointer>& of_api,
                                           config::Reading& reading);
  ToJoin begin_check(config::Reading reading);
  // May run on another thread while the queue of ConfigService waits for it.
  Joined join(ToJoin files);
  Checked settle(Joined joined);
  Task<Status> look();
  Task<Status> try_newer();
  bool has_newer_in_force() const;
  Task<Status> adopt_newer();
  Task<Status> begin_again(std::string text, uint64_t number, CanaryControl& control);
  Task<Status> take_over(Publication publication);
  Task<Status> publish_files(Publication publication);
  Task<Status> publish_change(Publication publication);
  store::Draft draft_by(const Author& author) const;
  // The refusal of a change that could not be served or stored.
  Refusal refusal_of_failed(const Status& published) const;
  Task<std::optional<Refusal>> check_deleted(const ChangeRequest& request, const Resolved& resolved);
  // Null only when the gateway drains.
  template <typename T>
  Task<std::shared_ptr<T>> run_aside(std::function<std::shared_ptr<T>()> work);
  Task<Checked> check_change(std::function<config::Reading()> read);
  Task<Status> record(store::Draft draft, store::Changes changes);
  // As record(), to be called once, when the revision can be served.
  std::function<Task<Status>()> recording(store::Draft draft, store::Changes changes);
  Task<Status> record_first();
  std::vector<Finding> findings_of(const config::Diagnostics& diagnostics, const Resolved& resolved) const;
  Refusal refusal_of(std::vector<Finding> findings, const ChangeRequest& request,
                     const Resolved& resolved) const;
  // The reason for which a change may not be made, whatever the configuration is then; nothing when there is
  // none.
  std::optional<Refusal> refuse(const ChangeRequest& request, const Resolved& resolved) const;
  std::optional<Refusal> refuse_writes() const;
  std::optional<Refusal> check_labels(const config::TextMap& labels, const Resolved& resolved) const;
  static std::optional<Refusal> check_meanwhile(const ChangeRequest& request, const Resolved& resolved);
  std::optional<Refusal> check_base(const ChangeRequest& request, const Resolved& resolved) const;

  EventLoop& loop_;
  Deployment& deployment_;
  std::unique_ptr<Ledger> ledger_;
  std::optional<SidePool> checks_;
  LiveObjects live_;
  // The objects of the newest revision of the store while others are in force: during a canary, after one was
  // withdrawn, and when another process with other files has stored it.
  std::optional<LiveObjects> apart_;
  std::optional<LiveObjects> canary_;   // the objects of the canary
  std::optional<NewerRevision> newer_;  // what is to be followed
  store::InForce at_start_;             // what is in force first
  uint64_t served_last_ = 0;            // what the process before this one has served last
  uint64_t stored_canary_ = 0;          // the number of the canary that the store had at the start
  std::optional<AwaitedCanary> awaited_;
  std::string own_canary_;  // what this process has stored of its latest canary
  store::Head known_;       // what this process has taken over or published last
  std::string unread_;      // why the newest revision could not be read; empty when it was
  struct Refused {
    uint64_t number;
    std::string why;
  };
  std::optional<Refused> refused_;  // the newest revision, when this node cannot serve it
  Follow follow_ = [](uint64_t, const std::string&) {};
  bool is_behind_ = false;  // a change is made from `newer_`
  // False while the revision in force could not be stored, which only the first of the process can be.
  bool is_stored_ = true;
  std::string summary_;  // of the revision that was stored last
  std::string last_error_;
  enum class Stored {
    kYes,
    kOvertaken,
    kUnusable,
    kFailed
  } stored_ = Stored::kYes;  // the outcome of the latest record()
};

}  // namespace portcullis::control

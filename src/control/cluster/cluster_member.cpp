#include "control/cluster/cluster_member.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "base/say.h"
#include "base/wall_clock.h"
#include "control/cluster/cluster_ledger.h"
#include "crypto/digest.h"
#include "store/key_file.h"

namespace portcullis::control {
namespace {

constexpr size_t kMaxJobs = 64;

}  // namespace

ClusterMember::ClusterMember(EventLoop& loop, std::unique_ptr<RevisionStore> store,
                             const config::StoreEtcd& settings, cluster::Keys keys, std::string id,
                             Surroundings surroundings)
    : loop_(loop),
      id_(std::move(id)),
      store_(std::move(store)),
      keys_(std::move(keys)),
      surroundings_(std::move(surroundings)),
      http_(loop),
      pool_(1, kMaxJobs),
      cluster_(loop, http_, pool_, {.etcd = settings.settings(), .keys = keys_},
               static_cast<cluster::Observer::Listener&>(*this), nullptr),
      mirror_(cluster_.revisions, *store_, keys_),
      errands_(loop, cluster_.documents, id_, surroundings_.perform),
      canary_(loop, cluster_, mirror_, id_,
              {.count = surroundings_.count_canary,
               .take_turn =
                   [this](uint64_t revision) {
                     surroundings_.take_turn(revision);
                     tell();
                   },
               .takes_part = [this] { return stale_.empty() && !silent_; }}),
      follower_(loop,
                {.revision = surroundings_.revision,
                 .newest = [this] { return cluster::in_force_in(view()).number; },
                 .has_newest = [this] { return has_newest(); },
                 .is_stale = [this] { return !stale_.empty(); },
                 .follow = surroundings_.follow,
                 .on_change = [this] { tell(); }},
                Follower::Pauses{}) {}

ClusterMember::~ClusterMember() = default;

Task<Status> ClusterMember::check_keys() {
  if (keys_agree_) co_return Status();
  cluster::Keys keys = keys_;
  Task<Status> checking = cluster_.documents.check_keys(std::move(keys));
  const Status checked = co_await checking;
  keys_agree_ = static_cast<bool>(checked);
  co_return checked;
}

Task<Status> ClusterMember::catch_up() {
  Task<Status> checking = check_keys();
  if (const Status checked = co_await checking; !checked) co_return checked;
  Task<Result<uint64_t>> catching = mirror_.catch_up();
  const Result<uint64_t> caught = co_await catching;
  co_return caught ? Status() : Status(caught.error());
}

void ClusterMember::begin(bool is_successor) {
  const auto listed = view().nodes.find(id_);
  const bool is_listed = listed != view().nodes.end() && listed->second.alive;
  if (is_listed && !is_successor) canary_.note_crash();
  serves_ = true;
  tell();
  copy_tags();
  tasks_.spawn(follower_.run());
  tasks_.spawn(keep_telling());
  tasks_.spawn(keep_sweeping());
  tasks_.spawn(canary_.run());
}

void ClusterMember::tell() {
  if (serves_ && !silent_) cluster_.membership.update(surroundings_.describe());
}

// Tells the others also what has changed without a call of tell().
Task<void> ClusterMember::keep_telling() {
  constexpr Milliseconds kPause{1'000};
  for (;;) {
    co_await sleep_for(loop_, kPause);
    tell();
  }
}

// Each node sweeps now and then, at moments of its own.
Task<void> ClusterMember::keep_sweeping() {
  constexpr Milliseconds kPause{600'000};
  for (;;) {
    const auto byte = static_cast<uint8_t>(crypto::random_bytes(1).front());
    co_await sleep_for(loop_, kPause + kPause * byte / 256);
    if (!stale_.empty()) continue;
    std::set<uint64_t> kept{surroundings_.revision(), cluster::in_force_in(view()).number};
    Task<Result<cluster::Swept>> sweeping = cluster_.sweeper.sweep(current_second(), std::move(kept));
    const Result<cluster::Swept> swept = co_await sweeping;
    if (!swept) say(Level::kWarning, "expired revisions stay in etcd for now: " + swept.error().message);
  }
}

// Only a node that serves has the store's thread for it: the start waits for the store itself.
void ClusterMember::copy_tags() {
  tags_changed_ = true;
  if (serves_ && !tags_copying_) tasks_.spawn(copy_changed_tags());
}

Task<void> ClusterMember::copy_changed_tags() {
  tags_copying_ = true;
  while (std::exchange(tags_changed_, false)) {
    Task<Status> copying = mirror_.copy_tags(view().tags);
    const Status copied = co_await copying;
    if (!copied) say(Level::kError, "the tags of the cluster could not be copied: " + copied.error().message);
  }
  tags_copying_ = false;
}

// Tells of a node whose lease has ended while it is still remembered: it did not take its leave.
void ClusterMember::note_lost(const std::string& id) {
  const auto listed = view().nodes.find(id);
  if (listed == view().nodes.end()) {
    alive_.erase(id);
    return;
  }
  const bool was_alive = std::exchange(alive_[id], listed->second.alive);
  if (!was_alive || listed->second.alive) return;
  say(Level::kWarning, "the node `" + id + "` is lost");
  errands_.note_lost(id);
  surroundings_.on_lost(listed->second.node);
}

// A start of this node that has failed, or a successor that has, takes the node out of the list.
void ClusterMember::stay_listed() {
  const auto listed = view().nodes.find(id_);
  const bool is_listed = listed != view().nodes.end() && listed->second.alive && listed->second.member;
  if (serves_ && !silent_ && !is_listed) cluster_.membership.tell_again();
}

// Whether the store has the newest revision, and this node serves it as a canary when it is one.
bool ClusterMember::has_newest() const {
  const cluster::Current& current = view().current;
  const uint64_t canary = cluster::in_force_in(view()).canary.empty() ? 0 : current.number;
  return mirror_.has(current) && surroundings_.canary() == canary;
}

void ClusterMember::follow_canary() {
  canary_.notify();
  nodes_changed_.notify();
  surroundings_.on_canary();
  follower_.notify();
}

std::vector<std::string> ClusterMember::others() const {
  std::vector<std::string> out;
  for (const auto& [id, listed] : view().nodes) {
    if (listed.alive && id != id_) out.push_back(id);
  }
  return out;
}

Task<nlohmann::json> ClusterMember::wait_for_all(uint64_t revision, Milliseconds patience) {
  const auto end = Clock::now() + patience;
  tell();
  for (;;) {
    const uint64_t seen = nodes_changed_.version();
    nlohmann::json out = nlohmann::json::object();
    bool is_over = true;
    const std::optional<cluster::Canary> canary = cluster::canary_in(view());
    const bool is_canary = canary && canary->revision == revision;
    const uint64_t needed = is_canary ? canary->base : revision;
    for (const auto& [id, listed] : view().nodes) {
      if (!listed.alive) continue;
      const cluster::Node& node = listed.node;
      const bool serves = node.revision >= revision || node.canary >= revision;
      out[id] = {{"serves", serves}, {"revision", node.revision}, {"last_error", nullptr}};
      if (!node.last_error.empty()) out[id]["last_error"] = node.last_error;
      const bool is_awaited = node.state != "draining";
      is_over = is_over && (!is_awaited || serves || (node.refused != 0 && node.refused >= needed));
    }
    const auto left = std::chrono::duration_cast<Milliseconds>(end - Clock::now());
    if (is_canary && canary->state == cluster::Canary::State::kWithdrawn) is_over = true;
    if (is_over || left.count() <= 0) co_return out;
    co_await nodes_changed_.wait(loop_, seen, left);
  }
}

Task<void> ClusterMember::hear_of_draft(std::string name, uint64_t changed, Milliseconds patience) {
  const auto end = Clock::now() + patience;
  for (;;) {
    const uint64_t seen = drafts_changed_.version();
    const auto heard = view().drafts.find(name);
    const auto left = std::chrono::duration_cast<Milliseconds>(end - Clock::now());
    if ((heard != view().drafts.end() && heard->second >= changed) || !stale_.empty() || left.count() <= 0)
      co_return;
    co_await drafts_changed_.wait(loop_, seen, left);
  }
}

void ClusterMember::on_anew(cluster::Anew /*why*/) {
  if (serves_) surroundings_.on_missed();
  std::map<std::string, bool> before = std::exchange(alive_, {});
  for (const auto& [id, listed] : view().nodes) {
    const auto known = before.find(id);
    alive_[id] = known == before.end() ? listed.alive : known->second;
    note_lost(id);
  }
  stay_listed();
  copy_tags();
  nodes_changed_.notify();
  drafts_changed_.notify();
  follow_canary();
}

void ClusterMember::on_change(const cluster::Subject& subject) {
  switch (subject.topic) {
    case cluster::Topic::kCurrent: follower_.notify(); break;
    case cluster::Topic::kNode:
      note_lost(subject.name);
      if (subject.name == id_) stay_listed();
      nodes_changed_.notify();
      break;
    case cluster::Topic::kTag: copy_tags(); break;
    case cluster::Topic::kDraft: drafts_changed_.notify(); break;
    case cluster::Topic::kCanary: follow_canary(); break;
    case cluster::Topic::kCanaryCounts:
    case cluster::Topic::kEvent:
    case cluster::Topic::kOther: break;
  }
}

void ClusterMember::on_event(const cluster::Event& event) {
  // Until it serves, this node has nothing by which it could do an operation. When it is silent, another
  // process does it.
  const bool serves = serves_ && !silent_;
  if (serves || event.kind != Errands::kOperation) errands_.on_event(event);
}

void ClusterMember::on_reachable(bool reachable, const std::string& why) {
  const bool was_stale = !stale_.empty();
  stale_ = reachable ? "" : "what this node knows of its cluster may be old: " + why;
  if (reachable && was_stale) say("this node follows its cluster");
  if (!reachable) say(Level::kWarning, stale_);
  drafts_changed_.notify();
  canary_.notify();
  follower_.notify();
  tell();
}

void ClusterMember::fall_silent() {
  silent_ = true;
  cluster_.membership.fall_silent();
}

Task<void> ClusterMember::leave_now() {
  Task<Status> leaving = cluster_.membership.leave();
  static_cast<void>(co_await leaving);  // without an answer, the lease ends by itself
}

void ClusterMember::leave() {
  tasks_.clear();
  if (silent_) return;
  silent_ = true;
  TaskGroup leaving;
  leaving.spawn(leave_now());
  const auto end = Clock::now() + std::chrono::seconds(1);
  while (!leaving.empty() && Clock::now() < end) loop_.run_once(Milliseconds(100));
}

namespace {

Result<cluster::Keys> read_keys(const std::string& path) {
  auto ring = store::read_key_file(path);
  if (!ring) return ring.error();
  if (!*ring)
    return Error{"key file " + path +
                 ": the file is missing. All nodes of a cluster have the same file: make it on one of them "
                 "with `portcullis store key --key-file " +
                 path + "`, and copy it to the others"};
  std::string current = (*ring)->keys.back().id;
  return cluster::Keys{std::make_shared<store::SecretBox>(std::move(**ring)), std::move(current)};
}

}  // namespace

Result<std::unique_ptr<Ledger>> open_ledger(EventLoop& loop, const config::Store& settings,
                                            const std::function<std::string(RevisionStore&)>& name_node,
                                            ClusterMember::Surroundings surroundings,
                                            std::unique_ptr<ClusterMember>& member) {
  cluster::Keys keys;
  if (settings.etcd.enabled()) {
    auto read = read_keys(settings.key_path());
    if (!read) return read.error();
    keys = std::move(*read);
  }
  auto store = RevisionStore::open(loop, settings);
  if (!store) return store.error();
  if (const Status copy = settings.etcd.enabled() ? check_is_copy(**store) : Status(); !copy)
    return copy.error();
  std::string id = name_node(**store);
  if (!settings.etcd.enabled())
    return std::unique_ptr<Ledger>(std::make_unique<StoreLedger>(std::move(*store)));
  member = std::make_unique<ClusterMember>(loop, std::move(*store), settings.etcd, std::move(keys),
                                           std::move(id), std::move(surroundings));
  return std::unique_ptr<Ledger>(std::make_unique<ClusterLedger>(*member));
}

}  // namespace portcullis::control

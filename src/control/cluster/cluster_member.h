#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "client/http_client.h"
#include "cluster/cluster.h"
#include "config/store.h"
#include "control/cluster/cluster_canary.h"
#include "control/cluster/errands.h"
#include "control/cluster/files_hash.h"
#include "control/cluster/follower.h"
#include "control/cluster/mirror.h"
#include "control/revisions/ledger.h"
#include "control/revisions/revision_store.h"
#include "runtime/side_pool.h"
#include "runtime/signal.h"

namespace portcullis::control {

// This gateway as a node of its cluster: it is in the list of nodes, follows what the others publish, and
// copies it into its own store. Control thread.
class ClusterMember final : private cluster::Observer::Listener {
 public:
  // Calls to other parts of the gateway.
  struct Surroundings {
    // The number of the revision in force.
    std::function<uint64_t()> revision;
    // What this node is at present.
    std::function<cluster::Node()> describe;
    // Puts the cluster's newest revision in force when its turn comes; the task ends when that is done. An
    // error when the newest revision could not be read.
    std::function<Task<Status>()> follow;
    // The number of the canary that this node serves; 0 without one.
    std::function<uint64_t()> canary;
    // What this node has counted for the canary with this number; nothing when it does not serve it.
    std::function<std::optional<CanaryTally>(uint64_t)> count_canary;
    // It is this node's turn to serve the canary with this number.
    std::function<void(uint64_t)> take_turn;
    // The cluster's canary may have begun or ended.
    std::function<void()> on_canary;
    // A node has gone without a word.
    std::function<void(const cluster::Node&)> on_lost;
    // Does what another node asks for.
    Errands::Perform perform;
    // Events of the cluster may have been missed: caches must be emptied.
    std::function<void()> on_missed;
  };

  // Begins to reach etcd. `id` is the name of this node. Throws std::system_error when the system allows no
  // further thread. What is passed must outlive this object.
  ClusterMember(EventLoop& loop, std::unique_ptr<RevisionStore> store, const config::StoreEtcd& settings,
                cluster::Keys keys, std::string id, Surroundings surroundings);
  ~ClusterMember();

  // The parts that the ledger uses.
  cluster::Cluster& cluster() { return cluster_; }
  RevisionStore& store() { return *store_; }
  Mirror& mirror() { return mirror_; }
  Errands& errands() { return errands_; }
  ClusterCanary& canary() { return canary_; }
  FilesHash& files_hash() { return files_hash_; }
  // An error when the key file of this node is not the cluster's. etcd is asked until it has agreed once.
  Task<Status> check_keys();
  // Reads the revisions that the store does not have from etcd. One call at a time.
  Task<Status> catch_up();

  // From now on this node serves: it follows the others, does what they ask for, and tells them what it is.
  // `is_successor`: the process goes on with the work of one that lives still.
  void begin(bool is_successor);
  // What the node tells the others has changed.
  void tell();

  const cluster::View& view() const { return cluster_.observer.view(); }
  // The other nodes whose leases are held. Until they serve, nodes are in no list.
  std::vector<std::string> others() const;
  // Waits until each node that is alive and does not drain serves this revision or a later one, also as a
  // canary, or has refused it. Returns what each of them does, as `{ID: {serves, revision, last_error}}`, at
  // the latest after `patience`.
  Task<nlohmann::json> wait_for_all(uint64_t revision, Milliseconds patience);
  // Waits until this node has heard of this or a later write of the draft, and so of all that came before it;
  // at most for `patience`, and not while it hears nothing.
  Task<void> hear_of_draft(std::string name, uint64_t changed, Milliseconds patience);
  // Why what this node knows of the cluster may be old; empty when it is not.
  const std::string& stale() const { return stale_; }
  // What keeps this node from the newest revision.
  const Follower& follower() const { return follower_; }
  // True when another process is this node.
  bool is_silent() const { return silent_; }

  // Another process is this node from now on, or this one ends. The second call takes the node out of the
  // list; it runs the loop until etcd has answered, at most for a second.
  void fall_silent();
  void leave();

 private:
  void on_anew(cluster::Anew why) override;
  void on_change(const cluster::Subject& subject) override;
  void on_event(const cluster::Event& event) override;
  void on_reachable(bool reachable, const std::string& why) override;

  Task<void> keep_telling();
  Task<void> keep_sweeping();
  void copy_tags();
  Task<void> copy_changed_tags();
  Task<void> leave_now();
  void note_lost(const std::string& id);
  void stay_listed();
  void follow_canary();
  bool has_newest() const;

  EventLoop& loop_;
  const std::string id_;
  const std::unique_ptr<RevisionStore> store_;
  const cluster::Keys keys_;
  const Surroundings surroundings_;
  client::HttpClient http_;
  SidePool pool_;
  cluster::Cluster cluster_;
  Mirror mirror_;
  Errands errands_;
  ClusterCanary canary_;
  FilesHash files_hash_;
  Signal nodes_changed_;
  Signal drafts_changed_;
  Follower follower_;
  bool keys_agree_ = false;
  bool serves_ = false;
  bool silent_ = false;
  std::string stale_ = "etcd has not answered yet";
  std::map<std::string, bool> alive_;  // the nodes that were seen, and whether their leases were held
  bool tags_changed_ = false, tags_copying_ = false;
  TaskGroup tasks_;
};

// Opens the store of these settings, and makes its ledger. With etcd, `member` gets the node's part in the
// cluster. `name_node` is called with the store, for the name of this node. For the start: blocks while files
// are read.
Result<std::unique_ptr<Ledger>> open_ledger(EventLoop& loop, const config::Store& settings,
                                            const std::function<std::string(RevisionStore&)>& name_node,
                                            ClusterMember::Surroundings surroundings,
                                            std::unique_ptr<ClusterMember>& member);

}  // namespace portcullis::control

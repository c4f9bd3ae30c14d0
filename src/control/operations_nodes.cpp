// The nodes of the cluster: what they say, and operations that each of them does.

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "control/cluster/cluster_member.h"
#include "control/deployment.h"
#include "control/fleet.h"
#include "control/operations.h"
#include "http/date.h"

namespace portcullis::control {

// Why this node does not serve the newest revision, or has refused the latest change.
std::string Operations::last_error() const {
  constexpr size_t kMaxBytes = 4'096;
  std::string out = cluster_ ? cluster_->follower().unread() : "";
  if (out.empty() && publisher().refused() != 0) out = publisher().last_error();
  if (out.empty()) out = node_.last_error;
  if (out.empty()) out = publisher().last_error();
  if (out.size() > kMaxBytes) {
    // Not within a character.
    size_t end = kMaxBytes;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0U) == 0x80U) --end;
    out.resize(end);
    out += "...";
  }
  return out;
}

cluster::Node Operations::describe_to_cluster() const {
  cluster::Node out{.id = node_.id,
                    .version = PORTCULLIS_VERSION,
                    .revision = revision(),
                    .canary = changes_.canary().revision(),
                    .turn = changes_.canary().turn(),
                    .since = node_.since,
                    .last_error = last_error(),
                    .refused = publisher().refused(),
                    .state = fleet_.draining() ? "draining" : "ready"};
  if (!cluster_) return out;
  out.refused = std::max(out.refused, cluster_->follower().given_up());
  out.files_hash = cluster_->files_hash().of(publisher().live(), publisher().store());
  return out;
}

namespace {

// An item of `GET /v1/nodes`, without what only the asked node knows.
nlohmann::json item_of(const cluster::Node& node) {
  nlohmann::json out{{"id", node.id},
                     {"version", node.version},
                     {"revision", node.revision},
                     {"canary", nullptr},
                     {"since", http::write_timestamp(node.since)},
                     {"store_reachable", nullptr},
                     {"last_error", nullptr},
                     {"state", node.state}};
  if (node.canary != 0) out["canary"] = node.canary;
  if (!node.last_error.empty()) out["last_error"] = node.last_error;
  return out;
}

nlohmann::json describe_other(const cluster::ListedNode& listed) {
  nlohmann::json out = item_of(listed.node);
  out["store_reachable"] = listed.alive;
  out["files_hash"] = listed.node.files_hash;
  if (!listed.alive) out["state"] = "lost";
  return out;
}

}  // namespace

nlohmann::json Operations::describe_node() const {
  const cluster::Node node = describe_to_cluster();
  nlohmann::json out = item_of(node);
  if (!cluster_) {
    const RevisionStore& store = publisher().store();
    if (!store.is_in_memory()) out["store_reachable"] = store.has_answered();
    return out;
  }
  const std::string& stale = cluster_->stale();
  out["store_reachable"] = stale.empty();
  out["files_hash"] = node.files_hash;
  if (!stale.empty()) out["last_error"] = stale;
  return out;
}

nlohmann::json Operations::describe_nodes() const {
  std::map<std::string, nlohmann::json> nodes;
  if (cluster_) {
    for (const auto& [id, listed] : cluster_->view().nodes) nodes[id] = describe_other(listed);
  }
  nodes[node_.id] = describe_node();
  nlohmann::json out = nlohmann::json::array();
  for (auto& [id, node] : nodes) out.push_back(std::move(node));
  return out;
}

bool Operations::has_node(const std::string& id) const {
  return id == node_.id || (cluster_ && cluster_->view().nodes.contains(id));
}

namespace {

Task<void> perform_here(Operations operations, nlohmann::json what, Author by, OperationResult& out) {
  Task<OperationResult> performing = perform(operations, std::move(what), std::move(by));
  out = co_await performing;
}

OperationResult refuse_lost(const std::string& node) {
  return {.status = 504, .detail = "the node `" + node + "` is lost, so it cannot be asked"};
}

}  // namespace

// The nodes that `only` or all operations are sent to. Those that are lost get their results at once.
std::vector<std::string> Operations::others_for(const std::optional<std::string>& only,
                                                NodeResults& out) const {
  if (!cluster_) return {};
  std::vector<std::string> others = cluster_->others();
  if (!only) return others;
  const bool is_alive = std::find(others.begin(), others.end(), *only) != others.end();
  if (!is_alive && *only != node_.id) out[*only] = refuse_lost(*only);
  return is_alive ? std::vector<std::string>{*only} : std::vector<std::string>{};
}

// This node does it at once, also while etcd does not answer.
Task<NodeResults> Operations::perform_on_nodes(nlohmann::json what, Author by,
                                               std::optional<std::string> only) {
  // A reload reads files and waits for names.
  constexpr Milliseconds kPatience{20'000};
  NodeResults out;
  if (cluster_ && cluster_->is_silent()) {
    out[node_.id] = {.status = 503,
                     .detail = "another process is this node by now: try again by a new connection"};
    co_return out;
  }
  std::vector<std::string> others = others_for(only, out);
  const bool is_asked = !only || *only == node_.id;
  OperationResult own;
  TaskGroup here;
  if (is_asked) here.spawn(perform_here(*this, what, by, own));
  if (!others.empty()) {
    Task<std::string> sending = cluster_->errands().send(std::move(what), std::move(by), std::move(others));
    std::string errand = co_await sending;
    Task<NodeResults> collecting = cluster_->errands().collect(std::move(errand), kPatience);
    out.merge(co_await collecting);
  }
  co_await here.join();
  if (is_asked) out[node_.id] = std::move(own);
  co_return out;
}

Task<nlohmann::json> Operations::wait_for_all(uint64_t revision) {
  constexpr Milliseconds kPatience{30'000};
  nlohmann::json out;
  if (cluster_) {
    Task<nlohmann::json> waiting = cluster_->wait_for_all(revision, kPatience);
    out = co_await waiting;
  }
  co_return out;
}

}  // namespace portcullis::control

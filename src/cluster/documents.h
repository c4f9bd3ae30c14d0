#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cluster/keys.h"
#include "cluster/layout.h"
#include "cluster/view.h"
#include "etcd/client.h"
#include "store/revision.h"

namespace portcullis::cluster {

// What a cluster has beside its revisions and drafts. A writer says which state it has seen, by the revision
// of etcd that has written it (0: there was none), and writes nothing when there is another one. On the
// loop's thread.
class Documents {
 public:
  Documents(etcd::Client& client, const Layout& layout, Keys keys)
      : client_(client), layout_(layout), keys_(std::move(keys)) {}

  struct Written {
    uint64_t changed;  // what the next writer has seen
  };
  struct Conflict {};  // there is another state
  using WriteOutcome = std::variant<Written, Conflict>;

  Task<Result<std::optional<Document>>> canary();
  Task<Result<WriteOutcome>> write_canary(std::string text, uint64_t seen);
  Task<Result<WriteOutcome>> remove_canary(uint64_t seen);

  // Gives a tag to a revision. A tag that another revision has moves to this one.
  Task<Result<store::Found<uint64_t>>> tag(std::string name, uint64_t number);
  enum class Untagged { kRemoved, kUnknown };
  Task<Result<Untagged>> remove_tag(std::string name);

  // Sends an event to all nodes, this one included. They get it once. An error when it is too large.
  Task<Status> send(Event event);
  // Whether etcd takes an event of this size.
  bool fits(const Event& event) const;

  // Appends a line to the cluster's audit log. Lines are in the order of their times.
  Task<Status> append_audit(std::string line);
  // At most `limit` of the newest lines, the newest first.
  Task<Result<std::vector<std::string>>> audit(size_t limit);

  // Compares this node's key file with the cluster's, by a text that the first node has sealed. An error when
  // it is another one: the node cannot read the cluster's secrets.
  Task<Status> check_keys(Keys keys);

 private:
  Task<Result<std::optional<etcd::KeyValue>>> get(std::string key);
  Task<Result<WriteOutcome>> write(std::string key, std::string value, uint64_t seen);
  Task<Result<WriteOutcome>> remove(std::string key, uint64_t seen);

  etcd::Client& client_;
  const Layout& layout_;
  const Keys keys_;
};

}  // namespace portcullis::cluster

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/content.h"
#include "cluster/keys.h"
#include "cluster/layout.h"
#include "etcd/client.h"
#include "runtime/side_pool.h"

namespace portcullis::cluster {

// The part that the value of the key `drafts/NAME` names; its hash is empty when the value is damaged.
PartName part_of_draft(std::string_view head);

// Drafts of a cluster: texts with names, which are compressed and then encrypted as a whole. The bytes of a
// draft are a part, in pieces (cluster/revisions.h), and the key `drafts/NAME` names it.
//
// A draft with one piece is written in one transaction. A larger one is written as revisions are
// (cluster/publisher.h): the key `publishing/ID` with a lease, the pieces, and then one transaction that
// names them, if the draft is still the one that the writer has seen and `publishing/ID` is still there. The
// transaction removes the pieces of the draft before. Those of a write that has not come to its end are swept
// (cluster/sweeper.h) when the lease is over.
//
// An Error says what to do. On the loop's thread; what is passed must outlive this object. Destroying a task
// leaves the draft as it was, or the whole new one.
class Drafts {
 public:
  // How long a write of a draft with several pieces may take.
  static constexpr std::chrono::seconds kWriteTime{60};

  Drafts(etcd::Client& client, const Layout& layout, SidePool& pool, Keys keys)
      : client_(client), layout_(layout), pool_(pool), keys_(std::move(keys)) {}

  struct Draft {
    std::string text;
    uint64_t changed = 0;  // the revision of etcd that has written it
    std::string fault{};   // why the text cannot be read; empty when it can
  };
  enum class Outcome {
    kDone,
    kConflict,  // there is another draft than the one that the writer has seen
    kTooMany,   // there are as many as there may be, and this one would be new
  };

  // In their order.
  Task<Result<std::vector<std::string>>> names();
  Task<Result<std::optional<Draft>>> read(std::string name);
  // `seen` is Draft::changed of the draft that the writer has seen; 0: there was none.
  Task<Result<Outcome>> write(std::string name, std::string text, uint64_t seen, size_t max_drafts);
  Task<Result<Outcome>> remove(std::string name, uint64_t seen);

 private:
  // A draft as it lies in etcd.
  struct Sealed {
    PartName part;
    std::string head;  // the value of `drafts/NAME`
    std::string bytes;
  };
  struct Write {
    std::string name;
    uint64_t seen = 0;
    size_t max_drafts = 0;
    PartName before{};  // the pieces that the new ones replace
    Sealed sealed{};
    std::string publishing{};  // the key that protects the pieces; empty for one piece
  };
  // The key `drafts/NAME`, and the revision of etcd at which it was read.
  struct Head {
    etcd::KeyValue item{};
    uint64_t revision = 0;
  };
  struct Listed {
    std::vector<std::string> names{};
    uint64_t revision = 0;  // of etcd, at which they were read
  };

  template <typename T>
  Task<Result<T>> run_aside(std::function<Result<T>()> work);
  // Without a value when there is no such draft.
  Task<Result<Head>> head(std::string name);
  Task<Result<Listed>> list();
  Task<Result<std::string>> fetch(PartName part, uint64_t revision);
  Task<Result<Sealed>> seal_aside(std::string name, std::string text);
  Task<Status> send_pieces(const Write& write);
  Task<Result<Outcome>> complete(const Write& write);
  etcd::Transaction completion(const Write& write, uint64_t listed) const;

  etcd::Client& client_;
  const Layout& layout_;
  SidePool& pool_;
  const Keys keys_;
};

}  // namespace portcullis::cluster

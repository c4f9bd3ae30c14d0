#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/content.h"
#include "cluster/layout.h"
#include "etcd/client.h"
#include "runtime/side_pool.h"
#include "store/store.h"

namespace portcullis::cluster {

// A part is stored in pieces of at most this size.
inline constexpr size_t kPieceBytes = 512 * 1024;
// How many pieces the part has.
size_t piece_count(const PartName& part);

// What the key `current` says. `changed` is the revision of etcd that has written it.
struct Current {
  uint64_t number = 0;  // 0: nothing was published yet
  std::string publication{};
  uint64_t changed = 0;
};
std::string current_text(const Current& current);
Current current_from(const etcd::RangeAnswer& answer);

// The tags of a cluster, as they were at a revision of etcd; at 0 they are not known.
struct TagsAt {
  store::Tags tags{};
  uint64_t moment = 0;

  bool operator==(const TagsAt&) const = default;
};

// Reads the revisions of a cluster. A part that some content in memory has is not read again. On the loop's
// thread; long work is done on the side pool. All that is passed must outlive it.
class Revisions {
 public:
  Revisions(etcd::Client& client, const Layout& layout, SidePool& pool)
      : client_(client), layout_(layout), pool_(pool) {}
  Revisions(const Revisions&) = delete;
  Revisions& operator=(const Revisions&) = delete;

  Task<Result<Current>> current();
  // The newest revision, the tags and what the key `canary` says, as they were at one moment.
  struct Newest {
    Current current;
    TagsAt tags;
    std::string canary{};
  };
  Task<Result<Newest>> newest();
  // Headers with these numbers, without those that are not there. At most kHeadersAtOnce.
  static constexpr size_t kHeadersAtOnce = 50;
  Task<Result<std::vector<Header>>> headers(std::vector<uint64_t> numbers);
  // The numbers of all revisions that are there, in their order.
  Task<Result<std::vector<uint64_t>>> numbers();
  // A whole revision.
  Task<Result<store::Found<ContentPtr>>> read(uint64_t number);
  // A revision whose header is known.
  Task<Result<ContentPtr>> read(Header header);
  // Whole revisions whose headers are known, in that order. A part that several have is read once, and a few
  // megabytes of parts are read in one round trip.
  Task<Result<std::vector<ContentPtr>>> read_all(std::vector<Header> headers);

  // Remembers the parts of a content that was made here.
  void remember(const ContentPtr& content);
  // How many bytes of parts were read.
  uint64_t bytes_read() const { return bytes_read_; }

 private:
  using BucketPtr = std::shared_ptr<const Bucket>;
  struct Fetched {
    PartName part;
    std::string bytes{};
  };

  BucketPtr known(const PartName& part) const;
  Task<Status> fetch(std::vector<Fetched>& parts);
  Task<Status> fetch_pieces(std::vector<Fetched*> parts, etcd::Transaction transaction);

  etcd::Client& client_;
  const Layout& layout_;
  SidePool& pool_;
  std::map<std::string, std::weak_ptr<const Bucket>> buckets_;  // by the hash of their part
  uint64_t bytes_read_ = 0;
};

}  // namespace portcullis::cluster

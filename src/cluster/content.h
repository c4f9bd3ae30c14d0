#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cluster/sealed_object.h"
#include "store/revision.h"

// What a revision consists of: a header, and its objects in buckets. The name of an object tells its bucket,
// and each bucket is one part in etcd, whose key is the hash of its bytes. So revisions share the parts of
// the buckets that are equal in them, and a revision costs its header and the buckets that it changes.
namespace portcullis::cluster {

// A part as the header of a revision names it.
struct PartName {
  std::string hash;   // hexadecimal SHA-256 of the packed text; empty for a bucket without objects
  size_t packed = 0;  // the size of the packed text, in bytes

  bool operator==(const PartName&) const = default;
};

struct Header {
  store::Revision revision;     // without tags
  std::string publication;      // random; tells whose revision this is
  std::vector<PartName> parts;  // one for each bucket
};

struct Bucket {
  PartName part;
  std::vector<SealedObject> objects;  // in the order of kind and name
};

// A revision, whole and immutable. Buckets are shared with other revisions.
struct Content {
  Header header;
  std::vector<std::shared_ptr<const Bucket>> buckets;
};
using ContentPtr = std::shared_ptr<const Content>;

// Revision 0, which has no objects.
ContentPtr no_content();

// How many buckets a revision with `objects` objects has, when its parent has `present`: a few dozen objects
// are in one bucket, and the number changes rarely, because then all parts change.
size_t bucket_count(size_t objects, size_t present);
size_t bucket_of(const store::ObjectName& id, size_t buckets);

// The text of a header as it lies in etcd.
std::string packed_header(const Header& header);
Result<Header> unpacked_header(std::string_view bytes);

// A bucket and the bytes of its part.
struct PackedBucket {
  std::shared_ptr<const Bucket> bucket;
  std::string bytes;
};
PackedBucket pack_bucket(std::vector<SealedObject> objects);
// The bucket whose part these bytes are. The error says what is wrong with them.
Result<std::shared_ptr<const Bucket>> bucket_from(const PartName& part, std::string_view packed);

// All objects, in the order of kind and name.
std::vector<const SealedObject*> objects_of(const Content& content);
const SealedObject* find_object(const Content& content, const store::ObjectName& id);

// How `to` differs from `from`. Buckets that both have are not looked into.
struct Difference {
  std::vector<const SealedObject*> put;  // of `to`
  std::vector<store::ObjectName> removed;
};
Difference difference(const Content& from, const Content& to);

}  // namespace portcullis::cluster

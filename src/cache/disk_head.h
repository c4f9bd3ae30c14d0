#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cache/entry.h"

namespace portcullis::cache {

// What stands beside a body on disk: what it is the body of, and by what it is known to be whole. Any thread.
struct DiskHead {
  // Of an entry that is kept under `key`. Its body's length and sums are the file's to say.
  static DiskHead of(const Entry& entry, std::string_view key, std::string_view uri);
  // The entry again, as far as this says; its body is the caller's to give. Null when there are too many
  // fields.
  std::shared_ptr<Entry> revive() const;

  std::string key{};
  std::string uri{};
  uint16_t status = 0;
  std::string reason{};
  std::vector<std::pair<std::string, std::string>> fields{};
  Vary vary{};
  std::string selecting{};
  Time born{};  // when its age was nothing
  std::chrono::milliseconds lifetime{0};
  bool always_validate = false;
  Staleness stale{};
  std::vector<uint64_t> tags{};
  uint64_t length = 0;
  std::vector<uint64_t> sums{};  // one for each chunk of the body

  bool operator==(const DiskHead&) const = default;
};

// The text of a file: a mark of the format, a checksum, and the rest as CBOR (RFC 8949).
std::string write_disk_head(const DiskHead& head);
// With mark and checksum before it.
std::string seal_disk_head(std::string_view rest);
// Nothing when it is not what has been written, or by another version.
std::optional<DiskHead> read_disk_head(std::string_view text);

}  // namespace portcullis::cache

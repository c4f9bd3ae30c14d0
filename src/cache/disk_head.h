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

// The description of a body on disk: the response it belongs to, and the checksums that prove it whole. Any
// thread.
struct DiskHead {
  // Describes an entry that is stored under `key`. DiskFile adds the body's length and checksums.
  static DiskHead of(const Entry& entry, std::string_view key, std::string_view uri);
  // Restores the entry without its body, which the caller adds. Null when there are too many fields.
  std::shared_ptr<Entry> revive() const;

  std::string key{};
  std::string uri{};
  uint16_t status = 0;
  std::string reason{};
  std::vector<std::pair<std::string, std::string>> fields{};
  Vary vary{};
  std::string selecting{};
  Time born{};  // the time at which its age was 0
  std::chrono::milliseconds lifetime{0};
  bool always_validate = false;
  Staleness stale{};
  std::vector<uint64_t> tags{};
  uint64_t length = 0;
  std::vector<uint64_t> sums{};  // one for each chunk of the body

  bool operator==(const DiskHead&) const = default;
};

// Serialises a head: a format mark, a checksum, and the data as CBOR (RFC 8949).
std::string write_disk_head(const DiskHead& head);
// Puts the format mark and the checksum before `rest`.
std::string seal_disk_head(std::string_view rest);
// Parses a head. Empty when it is damaged or was written in another format.
std::optional<DiskHead> read_disk_head(std::string_view text);

}  // namespace portcullis::cache

#pragma once

#include <sys/uio.h>
#include <xxhash.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache/disk_head.h"
#include "cache/open_file.h"

namespace portcullis::cache {

class Disk;

// A stored body on disk: NAME.body holds the bytes, NAME.head describes the response and holds a checksum for
// each chunk. The head is written last, under a temporary name first, and only when the bytes are on the
// disk. After an interruption there is either a whole object, or a body without a head, which is removed.
//
// One thread of the disk's pool writes at a time; any thread may read.
class DiskFile {
 public:
  static constexpr size_t kChunk = 64 << 10;
  static size_t chunks_of(uint64_t length) { return static_cast<size_t>((length + kChunk - 1) / kChunk); }

  // `path` has no ending. `disk` must outlive the file.
  DiskFile(Disk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  ~DiskFile();
  DiskFile(const DiskFile&) = delete;
  DiskFile& operator=(const DiskFile&) = delete;

  Disk& disk() const { return disk_; }

  // Appends to the body, and adds the checksums of completed chunks to `sums`. The first call creates the
  // file. False when writing fails.
  bool append(std::span<iovec> pieces, std::vector<uint64_t>& sums);
  // Ends the body, and adds the checksum of a last partial chunk.
  void finish(std::vector<uint64_t>& sums);
  // Writes the head, so that the object survives a restart. Replaces an earlier head.
  bool commit(const DiskHead& head);
  // Changes the lifetime in the head.
  bool change_lifetime(std::chrono::milliseconds lifetime);
  // Removes the file's names. The body can still be read and written while this object exists.
  void remove();
  // Records that the file cannot be used: `error` is the errno of a failed write, or 0 when the content has
  // changed.
  void note_lost(int error);

  enum class Read : uint8_t {
    kDone,
    kWouldBlock,
    kDamaged,  // the content differs from its checksum, or the file is missing
    kFailed,   // cannot be opened now because too many files are open
  };
  // Reads a chunk of `size` bytes. `sum` is the expected checksum, if it is to be verified. With `at_once`
  // reads only if the file is open and the chunk is in the page cache.
  Read read(uint64_t chunk, char* out, size_t size, std::optional<uint64_t> sum, bool at_once);
  // The open file; null when it is not open.
  std::shared_ptr<OpenFile> opened() const;

 private:
  std::shared_ptr<OpenFile> open();
  bool write_head(const std::string& text);

  Disk& disk_;
  const std::string path_;
  mutable std::mutex mutex_;
  std::weak_ptr<OpenFile> open_;

  // Used by the writing thread.
  bool removed_ = false;
  std::shared_ptr<OpenFile> nameless_;  // keeps the file open after remove()
  struct StateDeleter {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::shared_ptr<OpenFile> written_;  // until commit()
  std::unique_ptr<XXH3_state_t, StateDeleter> sum_;
  uint64_t size_ = 0;
};

}  // namespace portcullis::cache

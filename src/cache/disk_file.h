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

// One stored body on disk: NAME.body has its bytes, NAME.head what they are the body of and a checksum of
// each chunk. The head is written last, under another name first, and only when the bytes are on the disk:
// whatever breaks off, there is either a whole object or a body without a head, which is nobody's.
//
// What writes is for one thread at a time, of the disk's pool; what reads for any.
class DiskFile {
 public:
  static constexpr size_t kChunk = 64 << 10;
  static size_t chunks_of(uint64_t length) { return static_cast<size_t>((length + kChunk - 1) / kChunk); }

  // `path`: without the ending. The disk outlives it.
  DiskFile(Disk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  ~DiskFile();
  DiskFile(const DiskFile&) = delete;
  DiskFile& operator=(const DiskFile&) = delete;

  Disk& disk() const { return disk_; }

  // Adds to the body; the checksums of the chunks that are whole now go to `sums`. The file is made when it
  // is first written to. False when the disk does not take it.
  bool append(std::span<iovec> pieces, std::vector<uint64_t>& sums);
  // The body has ended: the checksum of what is left, where something is.
  void finish(std::vector<uint64_t>& sums);
  // Makes it an object that is there after a restart; also in place of the head that it has.
  bool commit(const DiskHead& head);
  // The head that it has, with another lifetime.
  bool change_lifetime(std::chrono::milliseconds lifetime);
  // It has no name from now on. It can still be read and written, as long as this lives.
  void remove();
  // It is of no use: it could not be written, because of `error`, or is not what was written (0).
  void note_lost(int error);

  enum class Read : uint8_t {
    kDone,
    kWouldBlock,
    kDamaged,  // or gone
    kFailed,   // not now: too many files are open
  };
  // Reads a chunk of `size` bytes. `sum`: what its checksum must be, where that is to be looked at.
  // `at_once`: only when the system has it in memory, and the file is open.
  Read read(uint64_t chunk, char* out, size_t size, std::optional<uint64_t> sum, bool at_once);
  // Null when it is not open.
  std::shared_ptr<OpenFile> opened() const;

 private:
  std::shared_ptr<OpenFile> open();
  bool write_head(const std::string& text);

  Disk& disk_;
  const std::string path_;
  mutable std::mutex mutex_;
  std::weak_ptr<OpenFile> open_;

  // Of the thread that writes.
  bool removed_ = false;
  std::shared_ptr<OpenFile> nameless_;  // keeps it, once it has been
  struct StateDeleter {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::shared_ptr<OpenFile> written_;  // until it is committed
  std::unique_ptr<XXH3_state_t, StateDeleter> sum_;
  uint64_t size_ = 0;
};

}  // namespace portcullis::cache

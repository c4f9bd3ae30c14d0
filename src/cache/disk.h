#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"
#include "base/say.h"
#include "base/unique_fd.h"
#include "cache/disk_file.h"
#include "runtime/side_pool.h"

namespace portcullis::cache {

struct DiskSettings {
  std::string path{};  // of the directory; empty: none
  uint64_t most_bytes = 0;
  uint64_t least_object = 1 << 20;  // smaller bodies stay in memory
  uint64_t most_object = 1 << 30;

  bool operator==(const DiskSettings&) const = default;
};

// What has been read and written, and what has gone wrong.
struct DiskCounts {
  std::atomic<uint64_t> read{0};  // bytes
  std::atomic<uint64_t> written{0};
  std::atomic<uint64_t> restored{0};  // objects found at the start
  std::atomic<uint64_t> damaged{0};   // objects that were not what had been written
  std::atomic<uint64_t> failed{0};    // objects that could not be written
};

// The directory that large bodies lie in, of one process at a time: another waits until that one has gone.
// Any thread, but for begin() and stop().
class Disk {
 public:
  // Makes the directory where there is none. An error names what is in the way.
  static Result<std::unique_ptr<Disk>> open(DiskSettings settings, Say say);
  ~Disk() { stop(); }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  // Is active at once where no other process has the directory. Hands everything that is there already to
  // `restore`, on a thread of its own, and removes what is not whole, or for which that returns false. `done`
  // is called after the last one.
  using Restore = std::function<bool(const DiskHead& head, std::unique_ptr<DiskFile> file)>;
  void begin(Restore restore, std::function<void()> done);
  // No work is begun after it; what is being written is forgotten.
  void stop();

  const DiskSettings& settings() const { return settings_; }
  // Whether it may be used: no other process has it.
  bool active() const { return active_.load(std::memory_order_acquire); }
  // One that is to be written.
  std::unique_ptr<DiskFile> make_file();
  SidePool& pool() { return pool_; }
  const DiskCounts& counts() const { return counts_; }

  void note_read(uint64_t bytes) { counts_.read.fetch_add(bytes, std::memory_order_relaxed); }
  void note_written(uint64_t bytes) { counts_.written.fetch_add(bytes, std::memory_order_relaxed); }
  void note_damaged(const std::string& path);
  void note_failed(const std::string& path, int error);
  // Files lately used stay open, so many of them.
  void keep_open(std::shared_ptr<OpenFile> file);
  // But not this one, whose place on the disk is wanted.
  void let_go(const std::shared_ptr<OpenFile>& file);

 private:
  static constexpr size_t kThreads = 4;
  static constexpr size_t kMaxWaiting = 1 << 20;
  static constexpr size_t kFolders = 256;
  static constexpr size_t kKeptOpen = 128;

  Disk(DiskSettings settings, UniqueFd lock, Say say);
  bool take();
  bool wait_to_take();
  void restore_all(const Restore& restore);
  void restore_folder(const std::string& folder, const Restore& restore);
  void complain(const std::string& what);

  const DiskSettings settings_;
  const std::string run_;  // begins the names that this process gives
  UniqueFd lock_;
  Say say_;
  std::atomic<bool> active_{false};
  std::atomic<uint64_t> next_{0};
  std::atomic<int64_t> complained_{0};  // when, in seconds
  DiskCounts counts_;

  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;
  std::array<std::shared_ptr<OpenFile>, kKeptOpen> open_;
  size_t oldest_open_ = 0;

  std::thread loader_;
  SidePool pool_{kThreads, kMaxWaiting};
};

}  // namespace portcullis::cache

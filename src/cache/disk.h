#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"
#include "base/say.h"
#include "base/unique_fd.h"
#include "cache/disk_file.h"
#include "cache/disk_settings.h"
#include "runtime/lock_wait.h"
#include "runtime/side_pool.h"

namespace portcullis::cache {

// Counts of reads, writes and failures.
struct DiskCounts {
  std::atomic<uint64_t> read{0};  // bytes
  std::atomic<uint64_t> written{0};
  std::atomic<uint64_t> restored{0};  // objects restored at the start
  std::atomic<uint64_t> damaged{0};   // objects whose content had changed on disk
  std::atomic<uint64_t> failed{0};    // objects that could not be written
};

// The directory for large bodies. One process uses it at a time: another process waits until that one has
// ended. Any thread, except begin() and stop().
class Disk {
 public:
  // Creates the directory if it does not exist. The error says what prevents using it.
  static Result<std::unique_ptr<Disk>> open(DiskSettings settings, Say say);
  ~Disk() { stop(); }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  // Starts using the directory, at once unless another process uses it. A separate thread passes every stored
  // object to `restore`, and removes objects that are incomplete or for which `restore` returns false. It
  // calls `done` after the last one.
  using Restore = std::function<bool(const DiskHead& head, std::unique_ptr<DiskFile> file)>;
  void begin(Restore restore, std::function<void()> done);
  // Stops: no more work begins, and unfinished writes are abandoned.
  void stop();

  const DiskSettings& settings() const { return settings_; }
  // True when this process uses the directory.
  bool active() const { return active_.load(std::memory_order_acquire); }
  // Creates a file object for a new body.
  std::unique_ptr<DiskFile> make_file();
  SidePool& pool() { return pool_; }
  const DiskCounts& counts() const { return counts_; }

  void note_read(uint64_t bytes) { counts_.read.fetch_add(bytes, std::memory_order_relaxed); }
  void note_written(uint64_t bytes) { counts_.written.fetch_add(bytes, std::memory_order_relaxed); }
  void note_damaged(const std::string& path);
  void note_failed(const std::string& path, int error);
  // Keeps recently used files open, up to a max number.
  void keep_open(std::shared_ptr<OpenFile> file);
  // Closes this file, to free its space on the disk.
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
  const std::string run_;  // prefix of the names that this process creates
  UniqueFd lock_;
  LockWait lock_wait_{lock_};
  Say say_;
  std::atomic<bool> active_{false};
  std::atomic<uint64_t> next_{0};
  std::atomic<int64_t> complained_{0};  // steady time of the last complaint, in seconds
  DiskCounts counts_;

  std::mutex mutex_;
  bool stopping_ = false;
  std::array<std::shared_ptr<OpenFile>, kKeptOpen> open_;
  size_t oldest_open_ = 0;

  std::thread loader_;
  SidePool pool_{kThreads, kMaxWaiting};
};

}  // namespace portcullis::cache

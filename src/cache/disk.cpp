#include "cache/disk.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>
#include <set>

#include "base/faults.h"
#include "base/read_file.h"
#include "runtime/start_thread.h"

namespace portcullis::cache {

namespace {

std::string hex(uint64_t number, int digits) {
  char text[17];
  std::snprintf(text, sizeof text, "%0*llx", digits, static_cast<unsigned long long>(number));
  return text;
}

// True for names that make_file() creates, without their endings such as ".head".
bool is_ours(std::string_view stem) {
  return stem.size() == 24 && stem.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Error cannot(const char* do_what, const std::string& path) {
  return {std::string("cannot ") + do_what + " `" + path + "`: " + std::strerror(errno)};
}

}  // namespace

Result<std::unique_ptr<Disk>> Disk::open(DiskSettings settings, Say say) {
  const std::string& path = settings.path;
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return cannot("create the directory of the cache", path);
  for (size_t i = 0; i < kFolders; ++i) {
    const std::string folder = path + "/" + hex(i, 2);
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
      return cannot("create a folder of the cache,", folder);
  }
  const std::string name = path + "/lock";
  UniqueFd lock(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return cannot("open the cache's lock", name);
  return std::unique_ptr<Disk>(new Disk(std::move(settings), std::move(lock), std::move(say)));
}

Disk::Disk(DiskSettings settings, UniqueFd lock, Say say)
    : settings_(std::move(settings)),
      run_(hex(std::random_device{}() & 0xffffffff, 8)),
      lock_(std::move(lock)),
      say_(std::move(say)) {}

void Disk::begin(Restore restore, std::function<void()> done) {
  // On this thread, so that the first response that is fetched can already go to the disk.
  const bool taken = take();
  if (!taken) lock_wait_.begin();
  loader_ = start_thread("cache-loader", [this, taken, restore = std::move(restore), done = std::move(done)] {
    if (taken || wait_to_take()) restore_all(restore);
    done();
  });
}

void Disk::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  lock_wait_.give_up();
  if (loader_.joinable()) loader_.join();
  active_.store(false, std::memory_order_release);
  pool_.stop();
}

bool Disk::take() {
  const bool taken = lock_wait_.try_take();
  if (taken) active_.store(true, std::memory_order_release);
  return taken;
}

// Waits until no other process uses the directory: during an upgrade, until the predecessor has ended.
bool Disk::wait_to_take() {
  say_(Level::kInfo,
       "the directory of the cache `" + settings_.path +
           "` is in use by another process: this process will use it when the other process has ended");
  if (!lock_wait_.wait()) return false;
  active_.store(true, std::memory_order_release);
  return true;
}

void Disk::restore_all(const Restore& restore) {
  for (size_t i = 0; i < kFolders; ++i) restore_folder(settings_.path + "/" + hex(i, 2), restore);
  const uint64_t found = counts_.restored.load(std::memory_order_relaxed);
  if (found > 0)
    say_(Level::kInfo, "the cache has found " + std::to_string(found) +
                           (found == 1 ? " object" : " objects") + " in `" + settings_.path + "`");
}

void Disk::restore_folder(const std::string& folder, const Restore& restore) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  std::set<std::string> stems;
  for (fs::directory_iterator at(folder, ignored), end; at != end; at.increment(ignored)) {
    const std::string stem = at->path().stem().string();
    if (is_ours(stem) && !stem.starts_with(run_)) stems.insert(stem);
  }
  for (const std::string& stem : stems) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    const std::string path = folder + "/" + stem;
    ::unlink((path + ".tmp").c_str());
    auto file = std::make_unique<DiskFile>(*this, path);
    const auto text = read_file(path + ".head");
    const auto head = text ? read_disk_head(*text) : std::nullopt;
    const bool whole = head && fs::file_size(path + ".body", ignored) == head->length;
    if (whole && restore(*head, std::move(file))) {
      counts_.restored.fetch_add(1, std::memory_order_relaxed);
      continue;
    }
    if (text && !whole) note_damaged(path);
    DiskFile(*this, path).remove();
  }
}

std::unique_ptr<DiskFile> Disk::make_file() {
  const uint64_t number = next_.fetch_add(1, std::memory_order_relaxed);
  return std::make_unique<DiskFile>(
      *this, settings_.path + "/" + hex(number % kFolders, 2) + "/" + run_ + hex(number, 16));
}

void Disk::note_damaged(const std::string& path) {
  counts_.damaged.fetch_add(1, std::memory_order_relaxed);
  complain("an object of the cache is damaged, and removed: `" + path + "`");
}

void Disk::note_failed(const std::string& path, int error) {
  counts_.failed.fetch_add(1, std::memory_order_relaxed);
  complain("an object of the cache could not be written: `" + path + "`: " + std::strerror(error));
}

// Logs at most one line per minute: a full disk fails for every object in the same way. The metrics have the
// counts.
void Disk::complain(const std::string& what) {
  count_fault(Fault::kCacheDisk);
  const int64_t moment =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count();
  int64_t last = complained_.load(std::memory_order_relaxed);
  if (last != 0 && moment - last < 60) return;
  if (complained_.compare_exchange_strong(last, moment)) say_(Level::kWarning, what);
}

void Disk::keep_open(std::shared_ptr<OpenFile> file) {
  const std::lock_guard lock(mutex_);
  open_[oldest_open_++ % kKeptOpen].swap(file);
}

void Disk::let_go(const std::shared_ptr<OpenFile>& file) {
  std::shared_ptr<OpenFile> closed;
  const std::lock_guard lock(mutex_);
  for (std::shared_ptr<OpenFile>& one : open_) {
    if (one == file) closed = std::move(one);
  }
}

}  // namespace portcullis::cache

#include "runtime/file_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/faults.h"

namespace portcullis {

FileWatch::FileWatch(EventLoop& loop, std::function<void()> on_change)
    : loop_(loop), on_change_(std::move(on_change)), inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (inotify_) {
    loop_.watch(inotify_.get(), EPOLLIN, *this);
  } else {
    report_fault(
        Fault::kFileWatch,
        std::string("cannot watch files for changes: ") + std::strerror(errno) +
            "; the limit is fs.inotify.max_user_instances; after a change, reload the configuration");
  }
}

FileWatch::~FileWatch() {
  if (inotify_) loop_.unwatch(inotify_.get(), *this);
}

bool FileWatch::set_files(const std::vector<std::string>& files) {
  namespace fs = std::filesystem;
  std::set<std::string> wanted;
  std::error_code ignored;
  for (const std::string& file : files) {
    const fs::path path = fs::absolute(file, ignored);
    wanted.insert(fs::is_directory(path, ignored) ? path.string() : path.parent_path().string());
    wanted.insert(fs::weakly_canonical(path, ignored).parent_path().string());
  }
  for (auto entry = folders_.begin(); entry != folders_.end();) {
    if (wanted.contains(entry->first)) {
      ++entry;
      continue;
    }
    ::inotify_rm_watch(inotify_.get(), entry->second);
    entry = folders_.erase(entry);
  }
  bool grown = false;
  for (const std::string& folder : wanted) {
    if (folders_.contains(folder)) continue;
    static constexpr uint32_t kChanges = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE;
    const int id = ::inotify_add_watch(inotify_.get(), folder.c_str(), kChanges);
    if (id >= 0) {
      folders_[folder] = id;
      unwatched_.erase(folder);
      grown = true;
    } else if (inotify_ && unwatched_.insert(folder).second) {
      report_fault(Fault::kFileWatch, "cannot watch the folder `" + folder +
                                          "` for changes: " + std::strerror(errno) +
                                          "; after a change of its files, reload the configuration");
    }
  }
  return grown;
}

void FileWatch::on_events(uint32_t) {
  alignas(inotify_event) char buffer[4096];
  while (::read(inotify_.get(), buffer, sizeof buffer) > 0) {
  }
  loop_.arm(settle_, kSettled);
}

}  // namespace portcullis

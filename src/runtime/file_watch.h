#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "runtime/event_loop.h"

namespace portcullis {

// Reports changes in the folders of a set of files. Folders are watched because editors and deployment tools
// replace files instead of writing them; the listener finds out whether a file's content differs. One loop's
// thread.
class FileWatch final : private Watcher {
 public:
  FileWatch(EventLoop& loop, std::function<void()> on_change);
  ~FileWatch();

  // Watches the folders of these files, and of the files that their symbolic links point to, in place of the
  // folders watched so far. True when a folder was not watched before; earlier changes in that folder are not
  // reported.
  bool set_files(const std::vector<std::string>& files);

 private:
  class Settle final : public Timer {
   public:
    explicit Settle(FileWatch& watch) : watch_(watch) {}
    void fire() override { watch_.on_change_(); }

   private:
    FileWatch& watch_;
  };
  void on_events(uint32_t events) override;

  // Changes come in bursts; a burst is over when this time passes without a change.
  static constexpr Milliseconds kSettled{100};

  EventLoop& loop_;
  std::function<void()> on_change_;
  UniqueFd inotify_;
  std::map<std::string, int> folders_;
  std::set<std::string> unwatched_;  // folders that cannot be watched, already logged
  Settle settle_{*this};
};

}  // namespace portcullis

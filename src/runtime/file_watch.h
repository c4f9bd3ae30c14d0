#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "runtime/event_loop.h"

namespace portcullis {

// Tells when something has changed in the folders of some files. It watches folders because editors and
// deployment tools replace files rather than write them; whether the content differs is the listener's to
// find out. One loop's thread.
class FileWatch final : private Watcher {
 public:
  FileWatch(EventLoop& loop, std::function<void()> on_change);
  ~FileWatch();

  // From now on the folders of these files, and of what they link to. True when one of them was not watched
  // before: what has come into it meanwhile is not told of.
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

  // Changes come in bursts; this long after the last of one it is over.
  static constexpr Milliseconds kSettled{100};

  EventLoop& loop_;
  std::function<void()> on_change_;
  UniqueFd inotify_;
  std::map<std::string, int> folders_;
  std::set<std::string> unwatched_;  // which the system does not let it watch, as has been told
  Settle settle_{*this};
};

}  // namespace portcullis

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "etcd/client.h"
#include "etcd/watch_reader.h"
#include "runtime/signal.h"
#include "runtime/task.h"

namespace portcullis::etcd {

// Follows the changes of all keys below a prefix, by one stream of one member at a time.
//
// After a failure it goes on with the next member, from the first revision that it has not told; so no change
// is left out and none is told twice. A member that is cut off from the others keeps its streams open and
// silent, and even sends progress notifications: so every kProbe the watch does a linearizable read at the
// member of its stream, which such a member cannot answer. The read also tells of an etcd that was restored
// from a backup: its revision is lower than what the watch has told.
//
// On the loop's thread. The client must outlive the watch; destroying the watch ends it.
class Watch {
 public:
  static constexpr Milliseconds kProbe{2'000};

  // None of these calls may destroy the watch.
  class Receiver {
   public:
    // Changes in the order in which they were made. All changes of one transaction are in one call.
    virtual void on_changes(std::vector<Change> changes) = 0;
    // etcd no longer has the changes since the last call, or was restored to an earlier state; the watch has
    // ended. All keys must be read again.
    virtual void on_compacted() = 0;
    // The stream has begun, and changes are told as they happen.
    virtual void on_connected() = 0;
    // The stream has ended, or its member was cut off; the watch tries again. Called for each failure.
    virtual void on_disconnected(const std::string& why) = 0;
    // The member was able to read for certain: what was told is at most kProbe old.
    virtual void on_probed() = 0;

   protected:
    ~Receiver() = default;
  };

  // Begins at once, with the changes that were made by revision `from` and later.
  Watch(Client& client, std::string prefix, uint64_t from, Receiver& receiver);
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  Task<void> run();
  Task<void> follow(size_t member);
  Task<void> read_stream(size_t member);
  Task<void> probe(size_t member);
  void tell();

  Client& client_;
  const std::string prefix_;
  Receiver& receiver_;
  WatchReader reader_;
  bool connected_ = false;
  bool restored_ = false;  // etcd is at an earlier revision than what was told
  std::string why_ended_;  // empty while the stream is good
  Signal changed_;         // something has been read, or the stream has ended
  TaskGroup stream_;
  TaskGroup tasks_;
};

}  // namespace portcullis::etcd

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/keys.h"
#include "cluster/layout.h"
#include "cluster/view.h"
#include "etcd/client.h"
#include "etcd/watch.h"
#include "runtime/signal.h"

namespace portcullis::cluster {

// Why all was read anew.
enum class Anew {
  kStart,
  kCompacted,  // etcd no longer has the changes since the node's last look
  kAway        // the node was away for longer than events are kept
};

// Follows a cluster: reads what is below its prefix, then takes each change from one watch. On the loop's
// thread. The client, the layout and the listener must outlive it.
class Observer final : private etcd::Watch::Receiver {
 public:
  // How long etcd keeps an event.
  static constexpr std::chrono::seconds kEventTime{60};

  // Calls come in the order of the changes, with the view as it is after them: all changes of one transaction
  // are in the view before the first call. None may destroy the observer.
  class Listener {
   public:
    // The whole view may be another one, and events may have been missed: what they are about must be read
    // again, and caches emptied.
    virtual void on_anew(Anew why) = 0;
    // The subject was written or removed; for an event see on_event().
    virtual void on_change(const Subject& subject) = 0;
    // Only for events that a node of this cluster has sent.
    virtual void on_event(const Event& event) = 0;
    // False: what the node knows may be old, and `why` says more. True: changes are told as they happen.
    virtual void on_reachable(bool reachable, const std::string& why) = 0;

   protected:
    ~Listener() = default;
  };

  Observer(etcd::Client& client, const Layout& layout, Keys keys, Listener& listener);

  const View& view() const { return view_; }

 private:
  Task<void> run();
  Task<Result<uint64_t>> read_all();
  void set_reachable(bool reachable, const std::string& why);
  void tell_event(const std::string& name, const std::string& text);

  void on_changes(std::vector<etcd::Change> changes) override;
  void on_compacted() override;
  void on_connected() override;
  void on_disconnected(const std::string& why) override;
  void on_probed() override;

  etcd::Client& client_;
  const Layout& layout_;
  const Keys keys_;
  Listener& listener_;
  View view_;
  std::optional<bool> reachable_;
  Clock::time_point last_contact_;
  std::optional<Anew> read_again_;  // set: the watch is over, and all is to be read
  bool has_told_of_forgery_ = false;
  Signal over_;
  std::unique_ptr<etcd::Watch> watch_;
  TaskGroup tasks_;
};

}  // namespace portcullis::cluster

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "runtime/stream.h"
#include "runtime/task.h"
#include "runtime/wait_list.h"
#include "telemetry/live_view.h"

namespace portcullis::control {

// Keeps the live view, and tells it: once a second to those who follow it, by server-sent events (the HTML
// standard's section 9.2). Control thread.
class LiveFeed {
 public:
  struct Sources {
    std::function<telemetry::States()> states;
    // Asks each worker what is notable; returns how many will tell.
    std::function<size_t(std::function<void(telemetry::Notables::Batch)> receive)> collect;
    std::function<nlohmann::json()> about;  // members that are told beside the view's
  };
  LiveFeed(EventLoop& loop, const telemetry::Registry& registry, Sources sources);

  // What there is now, as JSON.
  Task<std::string> now();
  std::string history() const;
  // Writes events until the other side has gone, or `alive` says that he may not see them any more.
  Task<void> follow(Stream& stream, std::function<bool()> alive);

 private:
  Task<void> keep();
  Task<void> collect();
  std::string describe() const;

  static constexpr Milliseconds kPeriod{1'000};
  static constexpr Milliseconds kWorkersPatience{200};
  static constexpr Milliseconds kWritePatience{10'000};

  EventLoop& loop_;
  Sources sources_;
  // Shared with what workers may still have to say when this is gone.
  std::shared_ptr<telemetry::LiveView> view_;
  size_t followers_ = 0;
  std::shared_ptr<const std::string> event_;  // the latest, for all who follow
  WaitList waiting_;
  TaskGroup tasks_;
};

}  // namespace portcullis::control

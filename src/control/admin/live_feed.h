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
    // From now on each worker keeps for that live tail what fits; null: not any more.
    std::function<void(uint64_t id, std::shared_ptr<const telemetry::TailFilter> filter)> tail;
    // Whether a dashboard follows: only then do exchanges measure what only the dashboard shows.
    std::function<void(bool watched)> watch;
  };
  LiveFeed(EventLoop& loop, const telemetry::Registry& registry, Sources sources);

  // What there is now, as JSON.
  Task<std::string> now();
  std::string history() const;
  // Of one route, target or consumer, as JSON.
  std::string series(telemetry::SeriesBook::Kind kind, const std::string& name) const;
  // Writes events until the other side has gone, or `alive` says that he may not see them any more.
  Task<void> follow(Stream& stream, std::function<bool()> alive);
  // The same of the requests that fit, from now on.
  Task<void> follow_tail(Stream& stream, telemetry::TailFilter filter, std::function<bool()> alive);
  // There are as many live tails as there may be.
  bool tails_are_full() const { return tails_ >= kMaxTails; }

 private:
  Task<void> keep();
  // Takes what each worker has to tell; waits so long for those that are busy.
  Task<void> collect(Milliseconds patience = kWorkersPatience);
  std::string describe() const;
  Task<bool> write(Stream& stream, const std::string& text) const;

  static constexpr Milliseconds kPeriod{1'000};
  static constexpr Milliseconds kWorkersPatience{200};
  static constexpr Milliseconds kOpenPatience{5'000};
  static constexpr Milliseconds kWritePatience{10'000};
  static constexpr size_t kMaxTails = 8;

  EventLoop& loop_;
  Sources sources_;
  // Shared with what workers may still have to say when this is gone.
  std::shared_ptr<telemetry::LiveView> view_;
  size_t followers_ = 0;
  size_t tails_ = 0;
  uint64_t last_tail_ = 0;
  std::shared_ptr<const std::string> event_;  // the latest, for all who follow
  WaitList waiting_;
  TaskGroup tasks_;
};

}  // namespace portcullis::control

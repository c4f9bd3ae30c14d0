#pragma once

#include <functional>
#include <memory>
#include <string>

#include "http/body_source.h"
#include "runtime/task.h"
#include "runtime/wait_list.h"
#include "telemetry/live_view.h"

namespace portcullis::control {

// Keeps the live view current, and sends it once a second to each dashboard that follows, by server-sent
// events (section 9.2 of the HTML standard). Control thread.
class LiveFeed {
 public:
  struct Sources {
    std::function<telemetry::States()> states;
    // Asks each worker for its notable requests; returns the number of workers that will answer by calling
    // `receive`.
    std::function<size_t(std::function<void(telemetry::Notables::Batch)> receive)> collect;
    std::function<nlohmann::json()> about;  // further members of the live document
    // From now on each worker records the requests that match `filter` for the live tail `id`; with a null
    // filter it stops.
    std::function<void(uint64_t id, std::shared_ptr<const telemetry::TailFilter> filter)> tail;
    // Tells whether a dashboard follows. Only then do exchanges measure the figures that only the dashboard
    // shows.
    std::function<void(bool watched)> watch;
  };
  LiveFeed(EventLoop& loop, const telemetry::Registry& registry, Sources sources);

  // The present live document as JSON.
  Task<std::string> now();
  std::string history() const;
  // The latest minutes of one route, target or consumer, as JSON.
  std::string series(telemetry::SeriesBook::Kind kind, const std::string& name) const;
  // The events for one dashboard. They end when `alive` returns false because the client may not see them any
  // more. The feed outlives the source.
  std::unique_ptr<http::BodySource> follow(std::function<bool()> alive);
  // As follow(), with the requests that match `filter` from now on.
  std::unique_ptr<http::BodySource> follow_tail(telemetry::TailFilter filter, std::function<bool()> alive);
  // Makes all sources call their `alive` now.
  void wake() { waiting_.wake_all(); }
  // True when the max number of live tails is open.
  bool tails_are_full() const { return tails_ >= kMaxTails; }

 private:
  class Events;
  class Dashboard;
  class Tail;

  Task<void> keep();
  // Collects the notable requests of all workers. Waits for busy workers at most `patience`.
  Task<void> collect(Milliseconds patience = kWorkersPatience);
  std::string describe() const;

  static constexpr Milliseconds kPeriod{1'000};
  static constexpr Milliseconds kWorkersPatience{200};
  static constexpr Milliseconds kOpenPatience{5'000};
  static constexpr size_t kMaxTails = 8;

  EventLoop& loop_;
  Sources sources_;
  // Shared with answers of workers that may arrive after this object has been destroyed.
  std::shared_ptr<telemetry::LiveView> view_;
  size_t followers_ = 0;
  size_t tails_ = 0;
  uint64_t last_tail_ = 0;
  std::shared_ptr<const std::string> event_;  // the latest event, shared by all followers
  WaitList waiting_;
  TaskGroup tasks_;
};

}  // namespace portcullis::control

#include "control/events.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "base/json_text.h"
#include "base/wall_clock.h"
#include "http/date.h"

namespace portcullis::control {

// The events for one client.
class EventHub::Follower final : public http::BodySource {
 public:
  Follower(EventHub& hub, std::function<bool()> alive)
      : hub_(hub), alive_(std::move(alive)), seen_(hub.published_) {
    ++hub_.followers_;
  }
  ~Follower() override { --hub_.followers_; }

  State next(http::BodyPart& part) override {
    part.last = !goes_on_ || !alive_();
    if (part.last) return State::kPart;
    if (coming_.empty()) return State::kWait;
    shown_ = std::exchange(coming_, {});
    part.runs.add(shown_);
    part.size = shown_.size();
    return State::kPart;
  }

  // A comment (`: nothing`) keeps the connection open, and shows early that the client has gone.
  Task<void> wait() override {
    if (!std::exchange(has_begun_, true)) {
      coming_ = "retry: 2000\n: the events follow\n\n";
      co_return;
    }
    if (seen_ == hub_.published_) (void)co_await hub_.waiting_.wait(kPause);
    goes_on_ = alive_();
    take();
    if (coming_.empty()) coming_ = ": nothing\n\n";
  }

  const http::BodyFailure& failure() const override { return failure_; }

 private:
  static constexpr Milliseconds kPause{10'000};

  // Takes the events that the client has not seen and that the hub still holds.
  void take() {
    const uint64_t first = hub_.published_ - hub_.kept_.size();  // the number of events before those of kept_
    if (seen_ < first) {
      coming_ += "event: lost\ndata: {\"events\":" + std::to_string(first - seen_) + "}\n\n";
      seen_ = first;
    }
    for (; seen_ < hub_.published_; ++seen_) coming_ += hub_.kept_[seen_ - first];
  }

  EventHub& hub_;
  std::function<bool()> alive_;
  uint64_t seen_;  // how many of the published events the client has been sent, or has lost
  std::string coming_;
  std::string shown_;  // the part that was given last refers to this text
  bool has_begun_ = false;
  bool goes_on_ = true;
  http::BodyFailure failure_;
};

void EventHub::publish(std::string_view kind, nlohmann::json about) {
  about["time"] = http::write_timestamp(current_second());
  if (kept_.size() >= kMaxKept) kept_.pop_front();
  kept_.push_back("event: " + std::string(kind) + "\ndata: " + json_text(about) + "\n\n");
  ++published_;
  waiting_.wake_all();
}

std::unique_ptr<http::BodySource> EventHub::follow(std::function<bool()> alive) {
  return std::make_unique<Follower>(*this, std::move(alive));
}

}  // namespace portcullis::control

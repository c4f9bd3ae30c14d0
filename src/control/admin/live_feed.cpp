#include "control/admin/live_feed.h"

#include <nlohmann/json.hpp>

#include <utility>

#include "base/json_text.h"
#include "policy/registry.h"

namespace portcullis::control {

// A body of events, without end while the client may see them.
class LiveFeed::Events : public http::BodySource {
 public:
  Events(LiveFeed& its_feed, std::function<bool()> alive) : feed_(its_feed), alive_(std::move(alive)) {}

  State next(http::BodyPart& part) final {
    part.last = !goes_on_ || !alive_();
    if (part.last) return State::kPart;
    if (!coming_) return State::kWait;
    shown_ = std::move(coming_);
    part.runs.add(*shown_);
    part.size = shown_->size();
    return State::kPart;
  }

  Task<void> wait() final {
    if (!std::exchange(has_begun_, true)) {
      Task<Event> opening = first();
      coming_ = co_await opening;
    } else {
      goes_on_ = co_await feed_.waiting_.wait(10 * kPeriod);
      if (goes_on_) coming_ = following();
    }
  }

  const http::BodyFailure& failure() const final { return failure_; }

 protected:
  using Event = std::shared_ptr<const std::string>;

  // The first event.
  virtual Task<Event> first() = 0;
  // The event after LiveFeed::keep() has woken all followers.
  virtual Event following() = 0;

  LiveFeed& feed_;

 private:
  std::function<bool()> alive_;
  Event coming_;  // null while there is no event to show
  Event shown_;   // the part that was given last refers to this event
  bool has_begun_ = false;
  bool goes_on_ = true;
  http::BodyFailure failure_;
};

// The figures of the dashboard, once a second.
class LiveFeed::Dashboard final : public Events {
 public:
  Dashboard(LiveFeed& its_feed, std::function<bool()> alive) : Events(its_feed, std::move(alive)) {
    if (feed_.followers_++ == 0) feed_.sources_.watch(true);
  }
  ~Dashboard() override {
    if (--feed_.followers_ == 0) feed_.sources_.watch(false);
  }

 private:
  Task<Event> first() override {
    std::string text = "retry: 2000\nevent: history\ndata: " + feed_.history() + "\n\nevent: live\ndata: ";
    Task<std::string> asking = feed_.now();
    text += co_await asking + "\n\n";
    co_return std::make_shared<const std::string>(std::move(text));
  }
  Event following() override { return feed_.event_; }
};

// The requests of a live tail, once a second.
class LiveFeed::Tail final : public Events {
 public:
  Tail(LiveFeed& its_feed, telemetry::TailFilter filter, std::function<bool()> alive)
      : Events(its_feed, std::move(alive)), id_(++its_feed.last_tail_) {
    ++feed_.tails_;
    feed_.view_->open_tail(id_);
    feed_.sources_.tail(id_, std::make_shared<const telemetry::TailFilter>(std::move(filter)));
  }
  ~Tail() override {
    --feed_.tails_;
    feed_.view_->close_tail(id_);
    feed_.sources_.tail(id_, nullptr);
  }

 private:
  Task<Event> first() override {
    // A worker handles messages in order, so a worker that has answered this collection already records
    // requests for this tail.
    Task<void> opening = feed_.collect(kOpenPatience);
    co_await opening;
    co_return std::make_shared<const std::string>("retry: 2000\nevent: open\ndata: {}\n\n");
  }
  // An event stream may hold comments (`: nothing`), which keep the connection open and show early that the
  // client has gone.
  Event following() override {
    const nlohmann::json told = feed_.view_->take_tail(id_);
    if (told.is_null()) return std::make_shared<const std::string>(": nothing\n\n");
    return std::make_shared<const std::string>("event: requests\ndata: " + json_text(told) + "\n\n");
  }

  const uint64_t id_;
};

LiveFeed::LiveFeed(EventLoop& loop, const telemetry::Registry& registry, Sources sources)
    : loop_(loop),
      sources_(std::move(sources)),
      view_(std::make_shared<telemetry::LiveView>(registry, policy::shown_share())),
      waiting_(loop) {
  tasks_.spawn(keep());
}

Task<void> LiveFeed::keep() {
  for (;;) {
    view_->sample(loop_.now());
    if (followers_ > 0 || tails_ > 0) {
      Task<void> collecting = collect();
      co_await collecting;
    }
    if (followers_ > 0) {
      event_ = std::make_shared<const std::string>("event: live\ndata: " + describe() + "\n\n");
    }
    waiting_.wake_all();
    co_await sleep_for(loop_, kPeriod);
  }
}

// Batches of workers that answer after the wait are in the next event.
Task<void> LiveFeed::collect(Milliseconds patience) {
  struct Round {
    explicit Round(EventLoop& loop) : answers(loop) {}
    size_t missing = 0;
    WaitList answers;
  };
  const auto round = std::make_shared<Round>(loop_);
  round->missing = sources_.collect([round, view = view_](telemetry::Notables::Batch batch) {
    view->add(std::move(batch));
    if (--round->missing == 0) round->answers.wake_all();
  });
  if (round->missing > 0) co_await round->answers.wait(patience);
}

std::string LiveFeed::describe() const {
  nlohmann::json told = view_->describe(sources_.states());
  policy::add_figures(*view_, told);
  told.update(sources_.about());
  // Texts of clients may not be UTF-8.
  return json_text(told);
}

Task<std::string> LiveFeed::now() {
  Task<void> collecting = collect();
  co_await collecting;
  co_return describe();
}

std::string LiveFeed::history() const {
  return json_text(view_->history());
}

std::string LiveFeed::series(telemetry::SeriesBook::Kind kind, const std::string& name) const {
  return json_text(view_->series(kind, name));
}

std::unique_ptr<http::BodySource> LiveFeed::follow(std::function<bool()> alive) {
  return std::make_unique<Dashboard>(*this, std::move(alive));
}

std::unique_ptr<http::BodySource> LiveFeed::follow_tail(telemetry::TailFilter filter,
                                                        std::function<bool()> alive) {
  return std::make_unique<Tail>(*this, std::move(filter), std::move(alive));
}

}  // namespace portcullis::control

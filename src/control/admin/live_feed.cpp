#include "control/admin/live_feed.h"

#include <nlohmann/json.hpp>

#include "control/admin/policy_figures.h"

namespace portcullis::control {

LiveFeed::LiveFeed(EventLoop& loop, const telemetry::Registry& registry, Sources sources)
    : loop_(loop),
      sources_(std::move(sources)),
      view_(std::make_shared<telemetry::LiveView>(registry, cache_hits())),
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
  told["cache"] = cache_figures(*view_);
  told["limits"] = limit_figures(*view_);
  told.update(sources_.about());
  // Texts of clients may not be UTF-8.
  return told.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Task<std::string> LiveFeed::now() {
  Task<void> collecting = collect();
  co_await collecting;
  co_return describe();
}

std::string LiveFeed::history() const {
  return view_->history().dump();
}

std::string LiveFeed::series(telemetry::SeriesBook::Kind kind, const std::string& name) const {
  return view_->series(kind, name).dump();
}

Task<void> LiveFeed::follow(Stream& stream, std::function<bool()> alive) {
  struct Following {
    LiveFeed& feed;
    explicit Following(LiveFeed& its_feed) : feed(its_feed) {
      if (feed.followers_++ == 0) feed.sources_.watch(true);
    }
    ~Following() {
      if (--feed.followers_ == 0) feed.sources_.watch(false);
    }
  } const following(*this);
  std::string first = "retry: 2000\nevent: history\ndata: " + history() + "\n\nevent: live\ndata: ";
  Task<std::string> asking = now();
  first += co_await asking + "\n\n";
  auto event = std::make_shared<const std::string>(std::move(first));
  while (alive()) {
    Task<bool> writing = write(stream, *event);
    if (!co_await writing || !co_await waiting_.wait(10 * kPeriod)) co_return;
    event = event_;
  }
}

Task<void> LiveFeed::follow_tail(Stream& stream, telemetry::TailFilter filter, std::function<bool()> alive) {
  struct Open {
    LiveFeed& feed;
    const uint64_t id;
    Open(LiveFeed& its_feed, telemetry::TailFilter its_filter) : feed(its_feed), id(++its_feed.last_tail_) {
      ++feed.tails_;
      feed.view_->open_tail(id);
      feed.sources_.tail(id, std::make_shared<const telemetry::TailFilter>(std::move(its_filter)));
    }
    ~Open() {
      --feed.tails_;
      feed.view_->close_tail(id);
      feed.sources_.tail(id, nullptr);
    }
  } const tail(*this, std::move(filter));
  // A worker handles messages in order, so a worker that has answered this collection already records
  // requests for this tail.
  Task<void> opening = collect(kOpenPatience);
  co_await opening;
  // An event stream may hold comments (`: nothing`), which keep the connection open and show early that the
  // client has gone.
  std::string event = "retry: 2000\nevent: open\ndata: {}\n\n";
  while (alive()) {
    Task<bool> writing = write(stream, event);
    if (!co_await writing || !co_await waiting_.wait(10 * kPeriod)) co_return;
    const nlohmann::json told = view_->take_tail(tail.id);
    event = told.is_null() ? ": nothing\n\n"
                           : "event: requests\ndata: " +
                                 told.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n\n";
  }
}

Task<bool> LiveFeed::write(Stream& stream, const std::string& text) const {
  iovec piece{const_cast<char*>(text.data()), text.size()};
  const IoResult written = co_await stream.write(std::span(&piece, 1), kWritePatience);
  co_return written.ok();
}

}  // namespace portcullis::control

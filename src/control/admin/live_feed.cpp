#include "control/admin/live_feed.h"

#include <nlohmann/json.hpp>

namespace portcullis::control {

LiveFeed::LiveFeed(EventLoop& loop, const telemetry::Registry& registry, Sources sources)
    : loop_(loop),
      sources_(std::move(sources)),
      view_(std::make_shared<telemetry::LiveView>(registry)),
      waiting_(loop) {
  tasks_.spawn(keep());
}

Task<void> LiveFeed::keep() {
  for (;;) {
    view_->sample(loop_.now());
    if (followers_ > 0) {
      Task<void> collecting = collect();
      co_await collecting;
      event_ = std::make_shared<const std::string>("event: live\ndata: " + describe() + "\n\n");
      waiting_.wake_all();
    }
    co_await sleep_for(loop_, kPeriod);
  }
}

// Workers that are busy tell later: what they say then is in the next one.
Task<void> LiveFeed::collect() {
  auto missing = std::make_shared<size_t>(0);
  *missing = sources_.collect([missing, view = view_](telemetry::Notables::Batch batch) {
    view->add(std::move(batch));
    --*missing;
  });
  const Clock::time_point patience = Clock::now() + kWorkersPatience;
  while (*missing > 0 && Clock::now() < patience) co_await sleep_for(loop_, Milliseconds(1));
}

std::string LiveFeed::describe() const {
  nlohmann::json told = view_->describe(sources_.states());
  told.update(sources_.about());
  // What clients say may be no UTF-8.
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

Task<void> LiveFeed::follow(Stream& stream, std::function<bool()> alive) {
  struct Count {
    size_t& all;
    explicit Count(size_t& followers) : all(followers) { ++all; }
    ~Count() { --all; }
  } const count(followers_);
  std::string first = "retry: 2000\nevent: history\ndata: " + history() + "\n\nevent: live\ndata: ";
  Task<std::string> asking = now();
  first += co_await asking + "\n\n";
  auto event = std::make_shared<const std::string>(std::move(first));
  while (alive()) {
    iovec piece{const_cast<char*>(event->data()), event->size()};
    const IoResult written = co_await stream.write(std::span(&piece, 1), kWritePatience);
    if (!written.ok() || !co_await waiting_.wait(10 * kPeriod)) co_return;
    event = event_;
  }
}

}  // namespace portcullis::control

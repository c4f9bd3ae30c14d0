#include "etcd/watch.h"

#include <nlohmann/json.hpp>

#include <utility>

#include "client/backoff.h"

namespace portcullis::etcd {

Watch::Watch(Client& client, std::string prefix, uint64_t from, Receiver& receiver)
    : client_(client), prefix_(std::move(prefix)), receiver_(receiver), reader_(from) {
  tasks_.spawn(run());
}

Task<void> Watch::run() {
  // So that the owner is complete before it is called.
  co_await sleep_for(client_.loop(), Milliseconds(0));
  client::Backoff backoff(Milliseconds(2'000));
  for (;;) {
    const size_t member = client_.member();
    co_await follow(member);
    if (reader_.compacted() || restored_) {
      receiver_.on_compacted();
      co_return;
    }
    if (std::exchange(connected_, false)) backoff.reset();
    client_.leave_member(member);
    receiver_.on_disconnected(why_ended_);
    const Milliseconds pause = backoff.next();
    co_await sleep_for(client_.loop(), pause);
  }
}

// Until the stream has ended.
Task<void> Watch::follow(size_t member) {
  reader_.begin_stream();
  why_ended_.clear();
  uint64_t seen = changed_.version();
  stream_.spawn(read_stream(member));
  stream_.spawn(probe(member));
  for (;;) {
    co_await changed_.wait(client_.loop(), seen, kForever);
    seen = changed_.version();
    tell();
    if (!why_ended_.empty()) break;
  }
  stream_.clear();
}

void Watch::tell() {
  if (reader_.created() && why_ended_.empty() && !std::exchange(connected_, true)) receiver_.on_connected();
  std::vector<Change> changes = reader_.take_changes();
  if (!changes.empty()) receiver_.on_changes(std::move(changes));
}

Task<void> Watch::read_stream(size_t member) {
  // libcurl calls this, so nothing but reading is done in it.
  const auto take = [this](std::string_view data) {
    const bool good = reader_.read(data);
    changed_.notify();
    return good;
  };
  nlohmann::json request = reader_.request(prefix_);
  std::string why = co_await client_.stream(member, "/v3/watch", std::move(request), take);
  reader_.end_stream();
  if (!reader_.problem().empty()) why = reader_.problem();
  if (why.find("auth token") != std::string::npos) client_.forget_token();
  why_ended_ = std::move(why);
  changed_.notify();
}

Task<void> Watch::probe(size_t member) {
  for (;;) {
    std::string key = prefix_;
    const uint64_t told_before = reader_.next();
    const Result<uint64_t> revision = co_await client_.probe(member, std::move(key));
    restored_ = revision && *revision + 1 < told_before;
    if (!revision) why_ended_ = "the member cannot read for certain: " + revision.error().message;
    if (restored_) why_ended_ = "etcd was restored to an earlier state";
    if (!why_ended_.empty()) {
      changed_.notify();
      co_return;
    }
    receiver_.on_probed();
    co_await sleep_for(client_.loop(), kProbe);
  }
}

}  // namespace portcullis::etcd

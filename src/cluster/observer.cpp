#include "cluster/observer.h"

#include <utility>

#include "base/say.h"
#include "client/backoff.h"
#include "etcd/encoding.h"

namespace portcullis::cluster {

Observer::Observer(etcd::Client& client, const Layout& layout, Keys keys, Listener& listener)
    : client_(client),
      layout_(layout),
      keys_(std::move(keys)),
      listener_(listener),
      last_contact_(Clock::now()) {
  tasks_.spawn(run());
}

Task<void> Observer::run() {
  // So that the owner is complete before it is called.
  co_await sleep_for(client_.loop(), Milliseconds(0));
  client::Backoff backoff(Milliseconds(2'000));
  Anew why = Anew::kStart;
  for (;;) {
    const Result<uint64_t> read = co_await read_all();
    if (!read) {
      set_reachable(false, read.error().message);
      const Milliseconds pause = backoff.next();
      co_await sleep_for(client_.loop(), pause);
      continue;
    }
    backoff.reset();
    last_contact_ = Clock::now();
    listener_.on_anew(why);
    const uint64_t seen = over_.version();
    watch_ = std::make_unique<etcd::Watch>(client_, layout_.prefix(), *read + 1,
                                           static_cast<etcd::Watch::Receiver&>(*this));
    co_await over_.wait(client_.loop(), seen, kForever);
    watch_.reset();
    why = read_again_.value_or(Anew::kCompacted);
    read_again_.reset();
  }
}

// Returns the revision of etcd of which the view is.
Task<Result<uint64_t>> Observer::read_all() {
  etcd::Transaction transaction;
  transaction.get({.key = layout_.current()});
  transaction.get({.key = layout_.canary()});
  for (const std::string& folder :
       {layout_.tags(), layout_.nodes(), layout_.members(), layout_.canary_counts()})
    transaction.get({.key = folder, .range_end = etcd::range_end(folder)});
  transaction.get({.key = layout_.drafts(),
                   .range_end = etcd::range_end(layout_.drafts()),
                   .content = etcd::RangeRequest::Content::kKeysOnly});
  const Result<etcd::TransactionAnswer> answer = co_await client_.commit(std::move(transaction));
  if (!answer) co_return answer.error();
  View view;
  for (const etcd::RangeAnswer& read : answer->reads) {
    for (const etcd::KeyValue& item : read.items) apply_put(layout_, item, view);
  }
  view.tags.moment = answer->revision;
  view_ = std::move(view);
  co_return answer->revision;
}

void Observer::set_reachable(bool reachable, const std::string& why) {
  if (reachable_ == reachable) return;
  reachable_ = reachable;
  listener_.on_reachable(reachable, why);
}

void Observer::on_changes(std::vector<etcd::Change> changes) {
  if (read_again_) return;
  for (size_t begin = 0, end = 0; begin < changes.size(); begin = end) {
    const uint64_t revision = changes[begin].item.mod_revision;
    for (end = begin; end < changes.size() && changes[end].item.mod_revision == revision; ++end) {
      const etcd::KeyValue& item = changes[end].item;
      if (changes[end].kind == etcd::Change::Kind::kPut) {
        apply_put(layout_, item, view_);
      } else {
        apply_removal(layout_, item.key, view_);
      }
    }
    view_.tags.moment = revision;
    for (size_t i = begin; i < end; ++i) {
      const Subject subject = subject_of(layout_, changes[i].item.key);
      if (subject.topic == Topic::kOther) continue;
      if (subject.topic != Topic::kEvent) {
        listener_.on_change(subject);
      } else if (changes[i].kind == etcd::Change::Kind::kPut) {
        tell_event(subject.name, changes[i].item.value);
      }
    }
  }
}

void Observer::tell_event(const std::string& name, const std::string& text) {
  if (const std::optional<Event> event = event_from(text, name, keys_)) {
    listener_.on_event(*event);
  } else if (!std::exchange(has_told_of_forgery_, true)) {
    say(Level::kWarning,
        "an event below `" + layout_.events() +
            "` in etcd is ignored, because its digest is not one of this cluster's key file: it comes from "
            "another program, or from a node of an older version. Further such events are ignored without "
            "a word");
  }
}

void Observer::on_compacted() {
  read_again_ = read_again_.value_or(Anew::kCompacted);
  over_.notify();
}

void Observer::on_connected() {
  if (Clock::now() - last_contact_ > kEventTime) {
    read_again_ = Anew::kAway;
    over_.notify();
    return;
  }
  set_reachable(true, "");
}

void Observer::on_disconnected(const std::string& why) {
  set_reachable(false, why);
}

void Observer::on_probed() {
  if (reachable_.value_or(false)) last_contact_ = Clock::now();
}

}  // namespace portcullis::cluster

#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "http/body_source.h"
#include "runtime/event_loop.h"
#include "runtime/wait_list.h"

namespace portcullis::control {

// Passes what happens in the gateway on to the clients that follow `GET /v1/events`, as server-sent events
// (section 9.2 of the HTML standard). Control thread.
//
// The hub holds the latest kMaxKept events, which all clients share, so a slow client costs no memory: it
// loses the oldest events, and the event `lost` tells it how many.
class EventHub {
 public:
  explicit EventHub(EventLoop& loop) : waiting_(loop) {}
  EventHub(const EventHub&) = delete;
  EventHub& operator=(const EventHub&) = delete;

  // Publishes an event of a kind such as "target_ejected". `about`, an object, gets the member `time`.
  void publish(std::string_view kind, nlohmann::json about);
  // The events from now on. They end when `alive` returns false because the client may not see them any more.
  // The hub outlives the source.
  std::unique_ptr<http::BodySource> follow(std::function<bool()> alive);
  // True when the max number of clients follows.
  bool is_full() const { return followers_ >= kMaxFollowers; }
  // Makes all sources call their `alive` now.
  void wake() { waiting_.wake_all(); }

  static constexpr size_t kMaxKept = 256;
  static constexpr size_t kMaxFollowers = 64;

 private:
  class Follower;

  std::deque<std::string> kept_;  // the latest events, in the form in which they are sent
  uint64_t published_ = 0;  // how many events have been published; the last of them is the last of kept_
  size_t followers_ = 0;
  WaitList waiting_;
};

}  // namespace portcullis::control

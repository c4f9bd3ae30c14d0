#include "control/cluster/follower.h"

#include <algorithm>

#include "base/say.h"

namespace portcullis::control {

Task<void> Follower::run() {
  constexpr int kMaxDoublings = 16;
  for (;;) {
    const uint64_t seen = news_.version();
    Milliseconds pause = pauses_.again;
    if (!surroundings_.is_stale()) {
      Task<void> trying = try_once(surroundings_.newest());
      co_await trying;
      const bool is_refused = unread_.empty() && failures_ > 1;
      if (is_refused)
        pause = std::min(pauses_.again * (1 << std::min(failures_ - 1, kMaxDoublings)), pauses_.seldom);
    }
    co_await news_.wait(loop_, seen, pause);
  }
}

Task<void> Follower::try_once(uint64_t newest) {
  Status followed;
  const bool is_behind = newest != surroundings_.revision() || !surroundings_.has_newest();
  if (is_behind) {
    Task<Status> following = surroundings_.follow();
    followed = co_await following;
  }
  note(followed, newest);
  if (is_behind) surroundings_.on_change();
}

void Follower::note(const Status& followed, uint64_t newest) {
  const std::string problem = followed ? "" : followed.error().message;
  if (!problem.empty() && problem != unread_)
    say(Level::kError, "revision " + std::to_string(newest) + " of the cluster cannot be read; revision " +
                           std::to_string(surroundings_.revision()) + " goes on serving: " + problem);
  const bool fails = !problem.empty() || newest != surroundings_.revision() || !surroundings_.has_newest();
  const bool is_other = newest != tried_ || problem.empty() != unread_.empty();
  failures_ = !fails ? 0 : is_other ? 1 : failures_ + 1;
  tried_ = newest;
  unread_ = problem;
  if (problem.empty()) has_followed_ = true;
}

}  // namespace portcullis::control

#pragma once

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "control/canary_state.h"
#include "control/canary_trial.h"
#include "control/deployment.h"
#include "runtime/event_loop.h"

namespace portcullis::control {

// Something that has happened to a canary.
struct CanaryNews {
  enum class Kind { kStarted, kPromoted, kWithdrawn };

  Kind kind = Kind::kStarted;
  uint64_t revision = 0;
  uint64_t base = 0;     // the revision that was in force when the canary began
  std::string reason{};  // why the canary has ended, as a phrase: "its time is over"
};

// The life of a canary: it begins, is watched, and is promoted or withdrawn. There is at most one. While one
// serves, its counters are read every kPeriod; without one, nothing runs. Control thread.
class CanaryControl final : private Timer {
 public:
  using Observer = std::function<void(const CanaryNews&)>;

  // How often the rules are applied to the counters.
  static constexpr Milliseconds kPeriod{200};

  // `deployment` outlives this object.
  CanaryControl(EventLoop& loop, Deployment& deployment) : loop_(loop), deployment_(deployment) {}

  // Calls `observer` about each canary that has begun or ended. The observer must not call this object.
  void observe(Observer observer) { observer_ = std::move(observer); }

  // The rules are applied elsewhere: to the requests of all nodes of a cluster.
  void judge_elsewhere() { judges_ = false; }

  // Begins a canary of a checked configuration (Deployment::begin_canary). `since` is earlier than now for a
  // canary that has begun before the process did; its requests are counted anew.
  Task<Status> begin(config::Config config, proxy::CanaryRules rules, uint64_t revision,
                     std::chrono::system_clock::time_point since = std::chrono::system_clock::now(),
                     Deployment::Record record = {});
  // Node by node: the turn of this node has come, so the canary serves all of its requests.
  void take_turn();
  // The number of the canary while that is so; or else 0.
  uint64_t turn() const { return life_ && life_->has_turn ? life_->revision : 0; }
  // The number of the canary's revision; 0 without a canary.
  uint64_t revision() const { return life_ ? life_->revision : 0; }
  // The canary, and what this gateway has counted for it; nothing without a canary.
  std::optional<CanaryFacts> facts() const;
  std::optional<CanaryTally> tally() const;
  // Both, as the admin API shows them; null without a canary.
  nlohmann::json state() const;
  // Puts the canary in force. An error when there is none or when another change is under way.
  Status promote(std::string reason);
  // Ends the canary. An error when there is none.
  Status withdraw(std::string reason);
  // Called when the gateway drains: the rules are not applied any more.
  void stop() { unlink(); }

 private:
  struct Life {
    uint64_t revision;
    uint64_t base;
    CanaryTrial trial;
    std::chrono::system_clock::time_point since;
    bool waits_for_turn;
    bool has_turn;
    CanaryCounts base_before;  // what the base had counted when the canary began
  };

  void fire() override;
  void end(CanaryNews::Kind kind, std::string reason);
  CanaryCounts of_canary() const;
  CanaryCounts of_base() const;

  EventLoop& loop_;
  Deployment& deployment_;
  Observer observer_;
  bool judges_ = true;
  std::optional<Life> life_;
};

}  // namespace portcullis::control

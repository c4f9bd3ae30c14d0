#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "control/author.h"
#include "control/canary.h"
#include "control/config_service.h"
#include "control/revisions/publisher.h"

namespace portcullis::control {

// The canary of the gateway, kept in the store: it goes on after a restart, and the store knows how it has
// ended. Control thread.
class CanaryKeeper {
 public:
  // Told of each canary that has begun or ended, and by whose wish.
  using Tell = std::function<void(const CanaryNews&, const Author&)>;

  // The references outlive this object.
  CanaryKeeper(CanaryControl& control, Publisher& publisher, ConfigService& queue, Tell tell);

  // Stores the revision and begins its canary, from the queue of ConfigService.
  Task<ChangeOutcome> begin(Publication publication, proxy::CanaryRules rules);
  // As CanaryControl::state().
  nlohmann::json state() const { return control_.state(); }
  // Both return the refusal when it was not done: 404 without a canary; 403 when the author may change only
  // objects with `labels`, and the canary changes others. When the store is away, nothing is
  // promoted, but a canary is withdrawn all the same; the refusal says so.
  Task<std::optional<Refusal>> promote(Author by, const config::TextMap& labels);
  Task<std::optional<Refusal>> withdraw(Author by);

  // Begins the canary anew that the store had at the start, when it is its turn.
  void resume();
  // Called when the gateway drains: the canary stays in the store as it is.
  void stop() { control_.stop(); }

 private:
  struct Promotion {
    Author by{};
    config::TextMap labels{};
    std::optional<Refusal> refusal =
        Refusal{.status = 503, .title = "the gateway is draining", .retry_later = true};
  };

  void hear(const CanaryNews& news);
  Task<void> record_end(uint64_t in_force);
  Task<void> run_promotion(std::shared_ptr<Promotion> work);
  Task<void> wait_and_resume();
  Task<void> resume_now();

  CanaryControl& control_;
  Publisher& publisher_;
  ConfigService& queue_;
  const Tell tell_;
  std::optional<Author> by_;  // who has asked for what happens now; nothing when the rules have
  TaskGroup working_;
};

}  // namespace portcullis::control

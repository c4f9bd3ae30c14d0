#include "control/config_service.h"

#include <utility>

#include "control/say.h"

namespace portcullis::control {

ConfigService::ConfigService(EventLoop& loop, std::unique_ptr<config::Origin> origin, ConfigTarget& target,
                             std::unique_ptr<ReloadObserver> observer)
    : loop_(loop), origin_(std::move(origin)), target_(target), observer_(std::move(observer)) {}

void ConfigService::follow_origin() {
  origin_->watch([this] {
    origin_changed_ = true;
    wake();
  });
}

Task<config::Reading> ConfigService::read_first() {
  origin_changed_ = false;
  return origin_->read();
}

ConfigService::Loaded ConfigService::load_first(config::Reading reading) {
  fingerprint_ = reading.fingerprint;
  ConfigTarget::Checked checked = target_.check(std::move(reading));
  Loaded loaded;
  loaded.config = std::move(checked.config);
  loaded.objects = std::move(checked.reading.objects);
  loaded.diagnostics = std::move(checked.reading.diagnostics);
  return loaded;
}

void ConfigService::open() {
  state_ = State::kIdle;
  wake();
}

void ConfigService::stop() {
  if (state_ == State::kStopped) return;
  state_ = State::kStopped;
  working_.clear();  // ends a waiting read or publication
  in_hand_.insert(in_hand_.end(), std::make_move_iterator(asked_.begin()),
                  std::make_move_iterator(asked_.end()));
  asked_.clear();
  if (!in_hand_.empty()) refuse_draining();
  if (const auto running = std::exchange(running_job_, std::nullopt)) running->deliver(false);
  for (const WaitingJob& one : std::exchange(jobs_, {})) one.done.deliver(false);
}

Task<bool> ConfigService::run(Job job) {
  Delivery<bool> done(loop_);
  if (state_ == State::kStopped) co_return false;
  jobs_.push_back({std::move(job), done.sender()});
  wake();
  const bool whole = co_await done;
  co_return whole;
}

Task<void> ConfigService::run_next_job() {
  WaitingJob next = std::move(jobs_.front());
  jobs_.pop_front();
  running_job_ = next.done;
  Task<void> running = next.job();
  co_await running;
  running_job_ = std::nullopt;
  next.done.deliver(true);
}

void ConfigService::request_reload(Author by) {
  add({std::move(by), std::nullopt});
}

Task<ReloadOutcome> ConfigService::reload(Author by) {
  Delivery<ReloadOutcome> outcome(loop_);
  add({std::move(by), outcome.sender()});
  ReloadOutcome delivered = co_await outcome;
  co_return delivered;
}

void ConfigService::request_certificates() {
  certificates_changed_ = true;
  wake();
}

void ConfigService::add(Asker asker) {
  if (state_ == State::kStopped) {
    in_hand_.push_back(std::move(asker));
    return refuse_draining();
  }
  asked_.push_back(std::move(asker));
  wake();
}

void ConfigService::wake() {
  if (state_ != State::kIdle) return;
  state_ = State::kWorking;
  working_.spawn(work());
}

Task<void> ConfigService::work() {
  for (;;) {
    Task<void> job;
    if (!asked_.empty()) {
      job = reload_for_askers();
    } else if (!jobs_.empty()) {
      job = run_next_job();
    } else if (origin_changed_) {
      job = reload_if_changed();
    } else if (std::exchange(certificates_changed_, false)) {
      job = renew_certificates();
    } else {
      break;
    }
    co_await job;
  }
  state_ = State::kIdle;
}

Task<void> ConfigService::reload_for_askers() {
  in_hand_ = std::exchange(asked_, {});
  observer_->reload_began();
  if (!origin_->can_change()) {
    const std::string kept = "the configuration comes from the " + origin_->name() +
                             " and stays as it is: serving revision " + std::to_string(target_.revision());
    end_reload({true, kept + "\n", kept, {}});
    co_return;
  }
  origin_changed_ = false;
  Task<config::Reading> reading = origin_->read();
  config::Reading read = co_await reading;
  Task<void> finishing = finish_reload(std::move(read));
  co_await finishing;
}

// Called when the content of the origin may have changed. A reading that is the same as the one before
// changes nothing, whether it is valid or not.
Task<void> ConfigService::reload_if_changed() {
  origin_changed_ = false;
  Task<config::Reading> reading = origin_->read();
  config::Reading read = co_await reading;
  if (read.fingerprint == fingerprint_) co_return;
  in_hand_.push_back({{.name = std::string(origin_->kind())}, std::nullopt});
  observer_->reload_began();
  Task<void> finishing = finish_reload(std::move(read));
  co_await finishing;
}

Task<void> ConfigService::renew_certificates() {
  Task<std::optional<Status>> renewing = target_.publish_certificates();
  const std::optional<Status> outcome = co_await renewing;
  if (outcome) observer_->certificates_ended(*outcome);
}

// Puts a reading in force, and tells those who asked for it.
Task<void> ConfigService::finish_reload(config::Reading reading) {
  Task<ReloadOutcome> publishing = publish(std::move(reading));
  const ReloadOutcome outcome = co_await publishing;
  end_reload(outcome);
}

// Checks a reading and puts the configuration in force.
Task<ReloadOutcome> ConfigService::publish(config::Reading reading) {
  fingerprint_ = reading.fingerprint;
  ReloadOutcome outcome;
  Task<Status> looking = target_.look_for_newer();
  if (const Status looked = co_await looking; !looked) {
    say(Level::kError, looked.error().message);
    outcome = refuse(looked.error().message + "\n");
    co_return outcome;
  }
  Task<ConfigTarget::Checked> checking = target_.check_aside(std::move(reading));
  ConfigTarget::Checked checked = co_await checking;
  const config::Diagnostics& found = checked.reading.diagnostics;
  print_diagnostics(found);
  std::string report;
  std::vector<config::Diagnostic> diagnostics = found.sorted();
  for (const config::Diagnostic& one : diagnostics) report += one.to_string() + "\n";
  if (!checked.config) {
    outcome = refuse(report, std::move(diagnostics));
    co_return outcome;
  }
  Publication publication{.config = std::move(*checked.config),
                          .objects = std::move(checked.reading.objects),
                          .author = {.name = "file"},
                          .checked_from = checked.from};
  Task<Status> publishing = target_.publish(std::move(publication));
  const Status published = co_await publishing;
  if (!published) {
    say(Level::kError, published.error().message);
    outcome = refuse(published.error().message + "\n");
  } else {
    const std::string now = "serving revision " + std::to_string(target_.revision());
    outcome = {true, report + now + "\n", now, std::move(diagnostics)};
  }
  co_return outcome;
}

ReloadOutcome ConfigService::refuse(const std::string& why,
                                    std::vector<config::Diagnostic> diagnostics) const {
  const std::string serving = "revision " + std::to_string(target_.revision()) + " goes on serving";
  return {false, why + serving + "\n", "reload refused; " + serving, std::move(diagnostics)};
}

void ConfigService::refuse_draining() {
  const std::string why = "the gateway is draining";
  say(Level::kError, why);
  end_reload(refuse(why + "\n"));
}

void ConfigService::end_reload(const ReloadOutcome& outcome) {
  const std::vector<Asker> askers = std::exchange(in_hand_, {});
  std::vector<Author> by;
  by.reserve(askers.size());
  for (const Asker& one : askers) by.push_back(one.by);
  observer_->reload_ended(by, outcome);
  for (const Asker& one : askers) {
    if (one.waiting) one.waiting->deliver(outcome);
  }
}

}  // namespace portcullis::control

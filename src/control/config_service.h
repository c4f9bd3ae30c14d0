#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/model.h"
#include "config/origin.h"
#include "runtime/delivery.h"
#include "runtime/task.h"

namespace portcullis::control {

struct ReloadOutcome {
  bool succeeded = false;
  std::string report{};   // lines of text, for who asked
  std::string summary{};  // one line, for the process log
};

// What serves from a configuration. Control thread.
class ConfigTarget {
 public:
  virtual ~ConfigTarget() = default;

  // Makes a checked configuration of what was read. Nothing when there are errors; all that is found is added
  // to the reading's diagnostics.
  virtual std::optional<config::Config> check(config::Reading& reading) = 0;
  // Compiles a checked configuration and puts it in force. On an error the one before stays in force. The
  // task is destroyed when the gateway drains.
  virtual Task<Status> publish(config::Config config) = 0;
  // Puts the configuration in force once more, with certificates as their files are now. Nothing when the
  // files are those that were tried last. The task is destroyed when the gateway drains.
  virtual Task<std::optional<Status>> publish_certificates() = 0;
  // The number of the configuration in force.
  virtual uint64_t version() const = 0;
};

// Told what becomes of each reload. Control thread.
class ReloadObserver {
 public:
  virtual ~ReloadObserver() = default;

  virtual void reload_began() = 0;
  // `by`: all who asked for this one reload; at least one.
  virtual void reload_ended(const std::vector<std::string>& by, const ReloadOutcome& outcome) = 0;
  virtual void certificates_ended(const Status& outcome) = 0;
};

// The way of a configuration from its origin to what serves from it: it is read, checked and published, one
// after the other, for one cause at a time. Control thread.
//
// There is one queue. Those who ask while a reload is under way share the next one, so that each of them gets
// what the origin has after they asked, and no reload is made twice. Each reload reads the origin once.
class ConfigService {
 public:
  // `loop` and `target` outlive this object.
  ConfigService(EventLoop& loop, std::unique_ptr<config::Origin> origin, ConfigTarget& target,
                std::unique_ptr<ReloadObserver> observer);
  ConfigService(const ConfigService&) = delete;
  ConfigService& operator=(const ConfigService&) = delete;

  // From now on a change of the origin's content is a cause for a reload. Call it before load_first().
  void follow_origin();

  struct Loaded {
    std::optional<config::Config> config;  // nothing when there are errors
    config::Diagnostics diagnostics;
  };
  // Reads and checks the configuration that the gateway starts with; the caller publishes it and tells of the
  // diagnostics.
  Task<Loaded> load_first();

  // From now on the queue is worked off. What was asked for before has waited.
  void open();
  // The gateway drains: refuses the reload under way, those in the queue, and all later ones. Not from within
  // a call of the target or the observer.
  void stop();

  // Reloads, though nothing may have changed. `by`: who asks, for the audit log.
  void request_reload(std::string by);
  // The same, and waits for the outcome. Destroying the task gives up the wait, not the reload.
  Task<ReloadOutcome> reload(std::string by);
  // Files of certificates may have changed.
  void request_certificates();

 private:
  struct Asker {
    std::string by;
    std::optional<Delivery<ReloadOutcome>::Sender> waiting;  // nothing when no task waits for the outcome
  };
  void add(Asker asker);
  void wake();
  Task<void> work();
  Task<void> reload_for_askers();
  Task<void> reload_if_changed();
  Task<void> renew_certificates();
  Task<ReloadOutcome> publish(config::Reading reading);
  ReloadOutcome refuse(const std::string& why) const;
  void refuse_draining();
  void end_reload(const ReloadOutcome& outcome);

  EventLoop& loop_;
  const std::unique_ptr<config::Origin> origin_;
  ConfigTarget& target_;
  const std::unique_ptr<ReloadObserver> observer_;
  uint64_t revision_ = 0;        // of the latest reading, good or not
  std::vector<Asker> asked_;     // for the next reload
  std::vector<Asker> in_hand_;   // for the reload under way; empty when there is none
  bool origin_changed_ = false;  // since the latest read began
  bool certificates_changed_ = false;
  enum class State { kStarting, kIdle, kWorking, kStopped } state_ = State::kStarting;
  TaskGroup working_;
};

}  // namespace portcullis::control

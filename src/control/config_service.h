#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/model.h"
#include "config/origin.h"
#include "control/author.h"
#include "control/extent.h"
#include "runtime/delivery.h"
#include "runtime/task.h"

namespace portcullis::control {

struct ReloadOutcome {
  bool succeeded = false;
  std::string report{};                           // lines of text for the caller that asked for the reload
  std::string summary{};                          // one line, for the process log
  std::vector<config::Diagnostic> diagnostics{};  // the errors and warnings of the configuration
};

// A checked configuration that is to be put in force.
struct Publication {
  config::Config config;
  config::ObjectDocument objects{};  // those of `config`
  Author author{};
  Extent extent = Extent::kWhole;
  uint64_t checked_from = 0;  // ConfigTarget::Checked::from
};

// The object that serves from a configuration. Control thread.
class ConfigTarget {
 public:
  // A reading after its check: `config` is empty when there are errors. Errors and warnings are among the
  // diagnostics of the reading.
  struct Checked {
    config::Reading reading{};
    std::optional<config::Config> config{};
    uint64_t from = 0;  // the revision that was in force when the check began
  };

  virtual ~ConfigTarget() = default;

  // Called before the reading of a reload is checked: looks whether others have published meanwhile, so that
  // the next check and publish() take that into account. After an error the reload is refused.
  virtual Task<Status> look_for_newer() = 0;
  // Makes a checked configuration of a reading.
  virtual Checked check(config::Reading reading) = 0;
  // As check(), on another thread: a large file, or one with many mistakes, takes seconds.
  virtual Task<Checked> check_aside(config::Reading reading) = 0;
  // Compiles a checked configuration and puts it in force. After an error the previous configuration stays in
  // force. The task is destroyed when the gateway drains.
  virtual Task<Status> publish(Publication publication) = 0;
  // Compiles the configuration in force once more, with the present files of certificates. Nothing when the
  // files have not changed since the last attempt. The task is destroyed when the gateway drains.
  virtual Task<std::optional<Status>> publish_certificates() = 0;
  // The number of the revision in force.
  virtual uint64_t revision() const = 0;
};

// Receives the outcome of each reload. Control thread.
class ReloadObserver {
 public:
  virtual ~ReloadObserver() = default;

  virtual void reload_began() = 0;
  // `by` has all that asked for this reload; at least one.
  virtual void reload_ended(const std::vector<Author>& by, const ReloadOutcome& outcome) = 0;
  virtual void certificates_ended(const Status& outcome) = 0;
};

// Moves configurations from their origin to the ConfigTarget: each is read, checked and published, one
// configuration at a time. Control thread.
//
// There is one queue. All requests for a reload that arrive while a reload is in progress share the next one,
// so that each of them gets content that was read after the request, and no reload is made twice. Each reload
// reads the origin once.
class ConfigService {
 public:
  // `loop` and `target` outlive this object.
  ConfigService(EventLoop& loop, std::unique_ptr<config::Origin> origin, ConfigTarget& target,
                std::unique_ptr<ReloadObserver> observer);
  ConfigService(const ConfigService&) = delete;
  ConfigService& operator=(const ConfigService&) = delete;

  // From now on a change of the origin's content causes a reload. Must be called before load_first().
  void follow_origin();

  struct Loaded {
    std::optional<config::Config> config;  // nothing when there are errors
    config::ObjectDocument objects;
    config::Diagnostics diagnostics;
  };
  // Reads the first configuration.
  Task<config::Reading> read_first();
  // Checks the first configuration. The caller publishes the configuration and prints the diagnostics.
  Loaded load_first(config::Reading reading);

  // Starts to work off the queue. Reloads that were requested before have waited for this call.
  void open();
  // Called when the gateway drains: refuses the reload in progress, the reloads in the queue, and all later
  // ones. Must not be called from within a call of the target or the observer.
  void stop();

  // Requests a reload, even when nothing has changed. `by` is for the audit log.
  void request_reload(Author by);
  // As request_reload(), and waits for the outcome. Destroying the task gives up the wait, not the reload.
  Task<ReloadOutcome> reload(Author by);
  // Called when files of certificates may have changed.
  void request_certificates();
  // Runs a job that changes what is in force, when it is its turn in the queue. False when the gateway drains
  // before the job has ended; the job is destroyed then. Destroying the task gives up the wait, not the job.
  using Job = std::function<Task<void>()>;
  Task<bool> run(Job job);

 private:
  struct Asker {
    Author by;
    std::optional<Delivery<ReloadOutcome>::Sender> waiting;  // nothing when no task waits for the outcome
  };
  // A job, and whom its end is told.
  struct WaitingJob {
    Job job;
    Delivery<bool>::Sender done;
  };
  void add(Asker asker);
  void wake();
  Task<void> work();
  Task<void> reload_for_askers();
  Task<void> reload_if_changed();
  Task<void> renew_certificates();
  Task<void> run_next_job();
  Task<void> finish_reload(config::Reading reading);
  Task<ReloadOutcome> publish(config::Reading reading);
  ReloadOutcome refuse(const std::string& why, std::vector<config::Diagnostic> diagnostics = {}) const;
  void refuse_draining();
  void end_reload(const ReloadOutcome& outcome);

  EventLoop& loop_;
  const std::unique_ptr<config::Origin> origin_;
  ConfigTarget& target_;
  const std::unique_ptr<ReloadObserver> observer_;
  uint64_t fingerprint_ = 0;     // of the content of the latest reading, valid or not
  std::vector<Asker> asked_;     // for the next reload
  std::vector<Asker> in_hand_;   // for the reload in progress; empty when there is none
  std::deque<WaitingJob> jobs_;  // the one that runs is not among them
  std::optional<Delivery<bool>::Sender> running_job_;
  bool origin_changed_ = false;  // whether the origin has changed since the latest read began
  bool certificates_changed_ = false;
  enum class State { kStarting, kIdle, kWorking, kStopped } state_ = State::kStarting;
  TaskGroup working_;
};

}  // namespace portcullis::control

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/loader.h"
#include "control/config_service.h"
#include "runtime/wait_list.h"

namespace portcullis::control {

using Lines = std::vector<std::string>;

// A place at which tasks wait while it is closed.
class Gate {
 public:
  explicit Gate(EventLoop& loop) : waiting_(loop) {}
  void close() { open_ = false; }
  void open() {
    open_ = true;
    waiting_.wake_all();
  }
  bool has_waiter() const { return !waiting_.empty(); }
  Task<void> pass() {
    while (!open_) co_await waiting_.wait(kForever);
  }

 private:
  bool open_ = true;
  WaitList waiting_;
};

// An origin in memory, whose content is one YAML scalar. A read gets what there is when it begins.
class MemoryOrigin final : public config::Origin {
 public:
  explicit MemoryOrigin(EventLoop& loop) : gate(loop) {}

  const std::string& name() const override { return name_; }
  std::string_view kind() const override { return "memory"; }
  Task<config::Reading> read() override {
    ++reads;
    if (during_read) during_read();
    const std::string text = content;
    Task<void> passing = gate.pass();
    co_await passing;
    config::Reading reading = config::read_text(text, name_);
    reading.fingerprint = std::hash<std::string>()(text);
    co_return reading;
  }
  void watch(std::function<void()> on_change) override { tell = std::move(on_change); }

  std::string content = "one";
  Gate gate;
  int reads = 0;
  std::function<void()> tell;         // that the content may have changed
  std::function<void()> during_read;  // called while a read is under way

 private:
  const std::string name_ = "memory";
};

// Publishes scalars, and refuses those that say so.
class ScalarTarget final : public ConfigTarget {
 public:
  explicit ScalarTarget(EventLoop& loop) : gate(loop) {}

  Task<Status> look_for_newer() override { co_return looked; }
  Checked check(config::Reading reading) override {
    Checked out{std::move(reading), {}};
    if (!out.reading.document) return out;
    if (out.reading.document->scalar == "wrong") {
      out.reading.diagnostics.error(out.reading.document->location, "it is wrong");
      return out;
    }
    out.config.emplace();
    out.config->zone = out.reading.document->scalar;
    return out;
  }
  Task<Checked> check_aside(config::Reading reading) override { co_return check(std::move(reading)); }
  Task<Status> publish(Publication publication) override {
    config::Config& config = publication.config;
    Task<void> passing = gate.pass();
    co_await passing;
    Status outcome;
    if (config.zone == "unservable") {
      outcome = Error{"no address is free"};
    } else {
      published.push_back(config.zone);
    }
    co_return outcome;
  }
  Task<std::optional<Status>> publish_certificates() override {
    std::optional<Status> outcome;
    if (std::exchange(certificates_changed, false)) {
      published.push_back("certificates");
      outcome.emplace();
    }
    co_return outcome;
  }
  uint64_t revision() const override { return published.size(); }

  Gate gate;
  Status looked;  // the outcome of look_for_newer()
  Lines published;
  bool certificates_changed = false;
};

// Writes down what it is told: "began", "signal, admin: succeeded".
class NotingObserver final : public ReloadObserver {
 public:
  explicit NotingObserver(Lines& notes) : notes_(notes) {}

  void reload_began() override { notes_.push_back("began"); }
  void reload_ended(const std::vector<Author>& by, const ReloadOutcome& outcome) override {
    std::string all;
    for (const Author& one : by) all += (all.empty() ? "" : ", ") + one.name;
    notes_.push_back(all + (outcome.succeeded ? ": succeeded" : ": refused"));
  }
  void certificates_ended(const Status& outcome) override {
    notes_.push_back(outcome ? "certificates: succeeded" : "certificates: refused");
  }

 private:
  Lines& notes_;
};

}  // namespace portcullis::control

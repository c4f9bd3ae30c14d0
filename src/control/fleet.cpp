#include "control/fleet.h"

#include <utility>

#include "control/logs.h"
#include "control/overload_guard.h"

namespace portcullis::control {

Fleet::Fleet(EventLoop& loop) : loop_(loop), disposal_(loop) {}

Fleet::~Fleet() {
  join();
}

void Fleet::start(const std::shared_ptr<const proxy::Snapshot>& snapshot,
                  std::vector<proxy::ListenerSockets> sockets, const proxy::KnownTargets& known,
                  telemetry::Registry& metrics, const Logs& logs, std::function<void()> on_ended) {
  const auto on_finished = [this, on_ended = std::move(on_ended)] {
    loop_.post([this, on_ended] {
      if (++ended_ == workers_.size()) on_ended();
    });
  };
  for (size_t i = 0; i < sockets.size(); ++i) {
    workers_.push_back(std::make_unique<proxy::Worker>(i, snapshot, std::move(sockets[i]), known,
                                                       metrics.worker(i), logs.access(), logs.traces(),
                                                       on_finished));
  }
}

void Fleet::watch_load(std::function<const config::Overload&()> settings) {
  overload_ = std::make_unique<OverloadGuard>(loop_, *this, std::move(settings));
}

telemetry::OverloadState Fleet::overload() const {
  return overload_ ? overload_->state() : telemetry::OverloadState();
}

void Fleet::publish(const std::shared_ptr<const proxy::Snapshot>& snapshot,
                    std::vector<proxy::ListenerSockets> sockets) {
  for (size_t i = 0; i < workers_.size(); ++i) workers_[i]->replace_snapshot(snapshot, std::move(sockets[i]));
}

void Fleet::begin_canary(const std::shared_ptr<const proxy::Snapshot>& snapshot,
                         const std::shared_ptr<const proxy::CanaryChoice>& choice) {
  for (const auto& worker : workers_) worker->begin_canary(snapshot, choice);
}

void Fleet::end_canary() {
  for (const auto& worker : workers_) worker->end_canary();
}

void Fleet::set_addresses(const std::string& host, const upstream::Addresses& addresses) {
  for (const auto& worker : workers_) worker->set_addresses(host, addresses);
}

void Fleet::set_discovered(const std::string& upstream,
                           const std::shared_ptr<const upstream::TargetList>& targets) {
  for (const auto& worker : workers_) worker->set_discovered(upstream, targets);
}

void Fleet::drain(Milliseconds deadline) {
  draining_ = true;
  for (const auto& worker : workers_) worker->drain(deadline);
}

void Fleet::join() {
  for (const auto& worker : workers_) worker->join();
  disposal_.close();
}

void Fleet::post(const std::function<void(size_t index)>& message) {
  for (size_t i = 0; i < workers_.size(); ++i) workers_[i]->loop().post([message, i] { message(i); });
}

void Fleet::set_pressure(proxy::Pressure pressure) {
  for (const auto& worker : workers_) worker->set_pressure(pressure);
}

void Fleet::probe_lag() {
  for (const auto& worker : workers_) worker->probe_lag();
}

void Fleet::set_tail(uint64_t id, const std::shared_ptr<const telemetry::TailFilter>& filter) {
  for (const auto& worker : workers_) worker->set_tail(id, filter);
}

void Fleet::set_measuring(bool measuring) {
  for (const auto& worker : workers_) worker->set_measuring(measuring);
}

size_t Fleet::collect_notables(const std::function<void(telemetry::Notables::Batch)>& receive) {
  for (const auto& worker : workers_) worker->collect_notables(loop_, receive);
  return draining_ ? 0 : workers_.size();
}

size_t Fleet::collect_recorded(const std::function<void(std::vector<proxy::RecordedHeads>)>& receive) {
  for (const auto& worker : workers_) worker->collect_recorded(loop_, receive);
  return draining_ ? 0 : workers_.size();
}

}  // namespace portcullis::control

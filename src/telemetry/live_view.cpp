#include "telemetry/live_view.h"

#include <algorithm>
#include <cmath>

#include "telemetry/shards.h"

namespace portcullis::telemetry {

double LiveView::Meter::rate() const {
  double all = 0;
  for (const RateMeter& one : responses) all += one.rate();
  return all;
}

double LiveView::Meter::failures() const {
  return responses[0].rate() + responses[5].rate();
}

SeriesBook::Point LiveView::Meter::point(uint64_t at) const {
  return {.at = at,
          .rate = static_cast<float>(rate()),
          .client_errors = static_cast<float>(responses[4].rate()),
          .failures = static_cast<float>(failures()),
          .median = static_cast<float>(latency.milliseconds(0.5)),
          .p99 = static_cast<float>(latency.milliseconds(0.99)),
          .own = static_cast<float>(own_time()),
          .waited = static_cast<float>(waited_time())};
}

template <typename Shards>
void LiveView::update_responses(Meter& meter, const Shards& shards, double seconds) {
  for (size_t i = 0; i < meter.responses.size(); ++i)
    meter.responses[i].update(
        sum(shards, [i](const auto& metrics) -> const Counter& { return metrics.responses[i]; }), seconds);
}

void LiveView::sample(Clock::time_point now) {
  const double seconds = last_ == Clock::time_point{}
                             ? 1.0
                             : std::max(std::chrono::duration<double>(now - last_).count(), 0.001);
  last_ = now;
  const uint64_t at = milliseconds_now() / 1000;
  sample_routes(seconds, at);
  sample_targets(seconds, at);
  sample_consumers(seconds, at);
  series_.end_round(at);
  sample_policies(seconds);
  sample_runtime(seconds);
  for (auto& [key, turned] : limited_) turned.recent *= std::exp(-seconds / 60);
  std::erase_if(slow_, [oldest = milliseconds_now() - static_cast<uint64_t>(kSlowFor.count())](
                           const Story& story) { return story.at < oldest; });
  remember(at);
}

void LiveView::sample_routes(double seconds, uint64_t at) {
  std::array<uint64_t, 6> totals{};
  uint64_t received = 0, sent = 0, all_measured = 0, all_own = 0, all_waited = 0;
  for (const auto& [name, shards] : registry_.routes_) {
    Meter& meter = routes_[name];
    update_responses(meter, shards, seconds);
    for (size_t i = 0; i < totals.size(); ++i) totals[i] += meter.responses[i].total();
    uint64_t measured = 0, own = 0, waited = 0;
    for (const auto& shard : shards) {
      measured += shard->measured.get();
      own += shard->own.get();
      waited += shard->waited.get();
      meter.latency.add(shard->duration);
      whole_.latency.add(shard->duration);
      received += shard->request_body_bytes.get();
      sent += shard->response_body_bytes.get();
    }
    meter.latency.update(seconds);
    meter.measured.update(measured, seconds);
    meter.own.update(own, seconds);
    meter.waited.update(waited, seconds);
    all_measured += measured;
    all_own += own;
    all_waited += waited;
    series_.note(SeriesBook::Kind::kRoute, name, meter.point(at));
  }
  for (size_t i = 0; i < totals.size(); ++i) whole_.responses[i].update(totals[i], seconds);
  whole_.latency.update(seconds);
  whole_.measured.update(all_measured, seconds);
  whole_.own.update(all_own, seconds);
  whole_.waited.update(all_waited, seconds);
  received_.update(received, seconds);
  sent_.update(sent, seconds);
}

void LiveView::sample_targets(double seconds, uint64_t at) {
  std::erase_if(targets_, [this](const auto& one) {
    const auto known = registry_.targets_.find(one.first);
    return known == registry_.targets_.end() || known->second.expired();
  });
  for (const auto& [key, held] : registry_.targets_) {
    const auto shards = held.lock();
    if (!shards) continue;
    Meter& meter = targets_[key];
    std::array<uint64_t, 6> totals{};
    for (const auto& shard : *shards) {
      for (size_t i = 1; i < totals.size(); ++i) totals[i] += shard->responses[i].get();
      for (const TryResult result : {TryResult::kConnectFailed, TryResult::kFailed, TryResult::kTimedOut})
        totals[0] += shard->tries[static_cast<size_t>(result)].get();
      meter.latency.add(shard->head);
    }
    for (size_t i = 0; i < totals.size(); ++i) meter.responses[i].update(totals[i], seconds);
    meter.latency.update(seconds);
    series_.note(SeriesBook::Kind::kTarget, SeriesBook::target_name(key.first, key.second), meter.point(at));
  }
}

void LiveView::sample_consumers(double seconds, uint64_t at) {
  consumers_left_out_ = 0;
  for (const auto& [name, shards] : registry_.consumers_) {
    auto known = consumers_.find(name);
    if (known == consumers_.end()) {
      const bool any = std::any_of(shards.begin(), shards.end(), [](const auto& shard) {
        return std::any_of(shard->responses.begin(), shard->responses.end(),
                           [](const Counter& one) { return one.get() > 0; });
      });
      if (!any) continue;
      if (consumers_.size() >= kConsumers) {
        ++consumers_left_out_;
        continue;
      }
      known = consumers_.try_emplace(name).first;
    }
    update_responses(known->second, shards, seconds);
    series_.note(SeriesBook::Kind::kConsumer, name, known->second.point(at));
  }
}

void LiveView::sample_policies(double seconds) {
  for (const auto& [name, metric] : registry_.of_policies().all()) {
    if (metric.type != MetricSet::Type::kCounter) continue;
    for (const auto& [labels, one] : metric.series)
      counters_[&one].update(static_cast<uint64_t>(one.value()), seconds);
  }
  for (const auto& [key, shards] : registry_.policies_) {
    const auto total = [&its_shards = shards](Counter PolicyMetrics::*member) {
      return sum(its_shards, [member](const PolicyMetrics& m) -> const Counter& { return m.*member; });
    };
    PolicyMeter& meter = policies_[key];
    meter.continued.update(total(&PolicyMetrics::continued), seconds);
    meter.answered.update(total(&PolicyMetrics::answered), seconds);
    meter.refused.update(total(&PolicyMetrics::refused), seconds);
  }
}

void LiveView::sample_runtime(double seconds) {
  busy_.resize(registry_.workers_.size());
  uint64_t accepted = 0, closed = 0, shed = 0;
  for (size_t i = 0; i < busy_.size(); ++i) {
    const WorkerMetrics& worker = *registry_.workers_[i];
    busy_[i].update(worker.busy.get(), seconds);
    lag_.add(worker.lag);
    shed += worker.shed.get();
    closed += worker.closed.get();  // read before `accepted`, so that it is never larger
    accepted += worker.accepted.get();
  }
  lag_.update(seconds);
  shed_.update(shed, seconds);
  accepted_.update(accepted, seconds);
  open_connections_ = accepted - std::min(closed, accepted);
  process_ = read_process_state();
  cpu_.update(static_cast<uint64_t>(process_.cpu_seconds * 1e6), seconds);
}

std::vector<LiveView::Figure> LiveView::figures(std::string_view metric) const {
  std::vector<Figure> out;
  const auto found = registry_.of_policies().all().find(metric);
  if (found == registry_.of_policies().all().end()) return out;
  out.reserve(found->second.series.size());
  for (const auto& [labels, one] : found->second.series) {
    const auto meter = counters_.find(&one);
    out.push_back({labels, one.value(), meter == counters_.end() ? 0 : meter->second.rate()});
  }
  return out;
}

double LiveView::share() const {
  const auto has = [](const std::vector<std::string>& values, const std::string& one) {
    return std::find(values.begin(), values.end(), one) != values.end();
  };
  double part = 0, whole = 0;
  for (const Figure& figure : figures(share_.metric)) {
    for (const auto& [label, value] : figure.labels) {
      if (label != share_.label) continue;
      if (has(share_.part, value)) part += figure.rate;
      if (has(share_.part, value) || has(share_.rest, value)) whole += figure.rate;
    }
  }
  return whole < 0.001 ? -1 : part / whole;
}

void LiveView::remember(uint64_t at) {
  history_.push_back({at, whole_.rate(), whole_.responses[4].rate(), whole_.failures(),
                      whole_.latency.milliseconds(0.5), whole_.latency.milliseconds(0.99), share(),
                      whole_.own_time(), whole_.waited_time()});
  if (history_.size() > kHistory) history_.pop_front();
}

void LiveView::add(Notables::Batch batch) {
  for (Story& story : batch.failed) failed_.push_front(std::move(story));
  std::stable_sort(failed_.begin(), failed_.end(),
                   [](const Story& a, const Story& b) { return a.at > b.at; });
  if (failed_.size() > kStories) failed_.resize(kStories);
  add_refused(std::move(batch.refused));
  for (TailPiece& piece : batch.tails) {
    const auto tail = tails_.find(piece.id);
    if (tail == tails_.end()) continue;
    tail->second.left_out += piece.left_out;
    for (Story& story : piece.stories) {
      if (tail->second.stories.size() == kTailStories) {
        ++tail->second.left_out;
      } else {
        tail->second.stories.push_back(std::move(story));
      }
    }
  }
  for (Story& story : batch.slow) slow_.push_back(std::move(story));
  std::sort(slow_.begin(), slow_.end(), [](const Story& a, const Story& b) { return a.took > b.took; });
  if (slow_.size() > kStories) slow_.resize(kStories);
  for (Limited& one : batch.limited) {
    Turned& turned = limited_[{one.route, one.who}];
    turned.times += one.times;
    turned.recent += static_cast<double>(one.times);
    turned.reason = one.reason;
  }
  while (limited_.size() > kLimited) {
    limited_.erase(std::min_element(limited_.begin(), limited_.end(), [](const auto& a, const auto& b) {
      return a.second.recent < b.second.recent;
    }));
  }
}

void LiveView::add_refused(std::vector<Story> stories) {
  for (Story& story : stories) refused_.push_front(std::move(story));
  std::stable_sort(refused_.begin(), refused_.end(),
                   [](const Story& a, const Story& b) { return a.at > b.at; });
  std::map<uint64_t, size_t> alike;
  std::erase_if(refused_, [&alike](const Story& one) { return ++alike[one.kind] > kRefusedAlike; });
  if (refused_.size() > kStories) refused_.resize(kStories);
}

}  // namespace portcullis::telemetry

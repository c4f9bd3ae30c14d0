#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "telemetry/latency.h"
#include "telemetry/metric_set.h"
#include "telemetry/try_result.h"

namespace portcullis::telemetry {

struct RouteMetrics {
  std::array<Counter, 6> responses;  // by the status's first digit; 0: the client left without a response
  Latency duration;                  // until the response's last byte
  Counter request_body_bytes;
  Counter response_body_bytes;
  // For requests that targets have answered, from the end of the request's head to the response's head: the
  // number of measured requests, the time spent waiting for targets, and the other time, in microseconds.
  // Measured only while a dashboard or `top` is open.
  Counter measured;
  Counter waited;
  Counter own;
};

// The decisions of one policy of a route.
struct PolicyMetrics {
  Counter continued;
  Counter answered;
  Counter refused;
};

struct TargetMetrics {
  std::array<Counter, kTryResults> tries;  // by TryResult
  std::array<Counter, 6> responses;        // of the answered attempts, as in RouteMetrics
  Latency head;                            // from the start of the attempt to the response's head
  Counter connections;                     // connections opened
};

using TargetShards = std::vector<std::unique_ptr<TargetMetrics>>;  // one for each worker

// Responses to a consumer, or of one branch of a route's split.
struct ResponseMetrics {
  std::array<Counter, 6> responses;  // as in RouteMetrics
};

// Responses of the exchanges that a revision has served. On a cache line of its own, because each worker
// counts every request.
struct alignas(64) RevisionMetrics : ResponseMetrics {
  Counter duration;  // of all exchanges together, until the response's last byte, in microseconds
};
using RevisionShards = std::vector<std::unique_ptr<RevisionMetrics>>;  // one for each worker

// Upper bounds, in microseconds, of the histogram of a worker's rounds of events.
inline constexpr std::array<uint64_t, 7> kRoundBounds{1'000,   5'000,   10'000,   25'000,
                                                      100'000, 250'000, 1'000'000};

struct WorkerMetrics {
  std::array<Counter, kRoundBounds.size() + 1> rounds;
  Counter busy;  // microseconds
  Counter accepted;
  Counter closed;
  Counter refused;             // beyond the listener's limit of connections
  Counter refused_by_address;  // beyond the limit of connections per client address
  Counter log_lines_dropped;
  Counter shed;  // requests refused because of overload
  Latency lag;   // how long events wait
};

// Shared by the workers, because a listener's limit of connections is for all workers together. Updated when
// a connection is opened and closed.
struct ListenerMetrics {
  std::atomic<uint64_t> open_connections{0};
  std::atomic<uint64_t> handshakes_full{0};
  std::atomic<uint64_t> handshakes_resumed{0};
  std::atomic<uint64_t> handshakes_failed{0};
  std::atomic<uint64_t> in_kernel{0};  // connections for which the kernel encrypts
  std::atomic<uint64_t> proxy_headers_refused{0};
  std::atomic<uint64_t> http2_floods{0};  // HTTP/2 connections ended because of a flood of frames
};

// The state of one target, for operators.
struct TargetState {
  std::string upstream;
  std::string address;
  bool up;
  bool ejected;
  bool drained;
  std::string why;                        // why the target is down or ejected
  std::chrono::milliseconds ejected_for;  // remaining time
  uint64_t ejections;
  uint64_t checks_passed;
  uint64_t checks_failed;
};

// The state of one branch, for operators.
struct BranchState {
  std::string route;
  std::string name;
  std::string upstream;
  uint64_t weight;
  bool rolled_back;
  uint64_t rollbacks;
};

// The state of one kind of load of a circuit breaker, for operators.
struct BreakerState {
  std::string upstream;
  std::string load;
  uint64_t max;
  uint64_t in_use;
  uint64_t refused;
};

// The consumers of one group, by name.
struct Group {
  std::string name;
  std::vector<std::string> members;
};

// The max number of series of each kind; further ones are counted under the name "other".
struct SeriesLimits {
  size_t consumers = 1000;
  size_t targets = 1000;
};

// Counts of trace spans by outcome.
struct TraceState {
  uint64_t exported = 0;
  uint64_t dropped = 0;
};

// How close the process is to its limits: the used part of each; negative: no limit.
struct OverloadState {
  double memory = -1;
  double descriptors = -1;
  int level = 0;  // a proxy::Pressure
};

struct States {
  std::vector<TargetState> targets;
  std::vector<BreakerState> breakers;
  std::vector<BranchState> branches;
  const std::vector<Group>* groups = nullptr;  // null when there are no groups
  SeriesLimits limits{};
  TraceState traces{};
  OverloadState overload{};
  std::vector<std::pair<std::string, uint64_t>> certificates{};  // file and expiry in seconds since 1970
  uint64_t log_lines_lost = 0;  // lines of the access log that could not be written
};

// All counters of all workers. The control thread creates them, and they live as long as the registry, so
// workers hold plain pointers, and a route that a reload brings back continues its counts. Only targets,
// which discovery may create and remove by the thousand, and revisions, of which each reload makes one, are
// counted only as long as they are referenced.
class Registry {
 public:
  explicit Registry(size_t workers);

  // One object for each worker. The empty name is for requests that matched no route.
  std::vector<RouteMetrics*> route(const std::string& name);
  std::shared_ptr<const TargetShards> target(const std::string& upstream, const std::string& target);
  std::vector<ResponseMetrics*> consumer(const std::string& name);
  std::vector<ResponseMetrics*> branch(const std::string& route, const std::string& name);
  // The counters of the revision with this number, which begin with 0 unless they are still referenced.
  std::shared_ptr<const RevisionShards> revision(uint64_t number);
  std::vector<PolicyMetrics*> policy(const std::string& route, const std::string& name);
  ListenerMetrics* listener(const std::string& address) { return &listeners_[address]; }
  WorkerMetrics& worker(size_t index) { return *workers_[index]; }
  // What policies count beside their decisions, each by metrics of its own.
  MetricSet& of_policies() { return of_policies_; }
  const MetricSet& of_policies() const { return of_policies_; }

  void note_reload(bool succeeded) { reloads_[succeeded ? 1 : 0].add(); }
  // Sets the numbers of the revision in force and of its canary (0: there is none). Only these two have
  // series of their own on the metrics page.
  void set_revisions(uint64_t live, uint64_t canary) {
    revision_ = live;
    canary_ = canary;
  }

  // Formats the metrics page: sums over the workers, and the states of targets and branches. Control thread.
  enum class Form {
    kText,
    kProtobuf,  // length-delimited messages, which have native histograms
  };
  std::string scrape(const States& states, Form form = Form::kText) const;

 private:
  friend class Exposition;
  friend class LiveView;
  template <typename T>
  using Shards = std::vector<std::unique_ptr<T>>;

  Shards<WorkerMetrics> workers_;
  std::map<std::string, Shards<RouteMetrics>> routes_;
  std::map<std::pair<std::string, std::string>, std::weak_ptr<const TargetShards>> targets_;
  size_t known_targets_ = 0;  // number of targets when unreferenced ones were removed last
  std::map<std::string, Shards<ResponseMetrics>> consumers_;
  std::map<std::pair<std::string, std::string>, Shards<ResponseMetrics>> branches_;
  std::map<std::pair<std::string, std::string>, Shards<PolicyMetrics>> policies_;
  MetricSet of_policies_;
  std::map<std::string, ListenerMetrics> listeners_;
  std::array<Counter, 2> reloads_;
  std::map<uint64_t, std::weak_ptr<const RevisionShards>> revisions_;
  uint64_t revision_ = 0;
  uint64_t canary_ = 0;
};

}  // namespace portcullis::telemetry

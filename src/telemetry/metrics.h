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

namespace portcullis::telemetry {

struct RouteMetrics {
  std::array<Counter, 6> responses;  // by the status's first digit; 0: the client left without an answer
  Latency duration;                  // to the response's last byte
  Counter request_body_bytes;
  Counter response_body_bytes;
  // Of requests that targets have answered, from the request's head to the response's: how many were
  // measured, how long they waited for targets, and what else they took, in microseconds. Counted while
  // somebody looks.
  Counter measured;
  Counter waited;
  Counter own;
};

// What one policy of a route decided.
struct PolicyMetrics {
  Counter continued;
  Counter answered;
  Counter refused;
};

enum class TryResult : uint8_t { kAnswered, kConnectFailed, kFailed, kTimedOut, kAbandoned };

struct TargetMetrics {
  std::array<Counter, 5> tries;      // by TryResult
  std::array<Counter, 6> responses;  // of those that were answered, as a route's
  Latency head;                      // from the try's beginning to the response's head
  Counter connections;               // opened
};

using TargetShards = std::vector<std::unique_ptr<TargetMetrics>>;  // one for each worker

// Of a consumer, or of one of those among whom a route divides its requests.
struct ResponseMetrics {
  std::array<Counter, 6> responses;  // as a route's
};

// Upper bounds of how long a worker's rounds of events take, in microseconds.
inline constexpr std::array<uint64_t, 7> kRoundBounds{1'000,   5'000,   10'000,   25'000,
                                                      100'000, 250'000, 1'000'000};

struct WorkerMetrics {
  std::array<Counter, kRoundBounds.size() + 1> rounds;
  Counter busy;  // microseconds
  Counter accepted;
  Counter closed;
  Counter refused;             // beyond the listener's limit
  Counter refused_by_address;  // beyond the limit of one client's address
  Counter log_lines_dropped;
  Counter shed;  // requests refused because of overload
  Latency lag;   // how long what has come waits
};

// Shared by the workers, because a limit on a listener's connections is one for all of them. Touched when a
// connection comes and when it goes.
struct ListenerMetrics {
  std::atomic<uint64_t> open_connections{0};
  std::atomic<uint64_t> handshakes_full{0};
  std::atomic<uint64_t> handshakes_resumed{0};
  std::atomic<uint64_t> handshakes_failed{0};
  std::atomic<uint64_t> in_kernel{0};  // connections that it encrypts
  std::atomic<uint64_t> proxy_headers_refused{0};
  std::atomic<uint64_t> http2_floods{0};  // connections ended for that
};

// What operators see of one target.
struct TargetState {
  std::string upstream;
  std::string address;
  bool up;
  bool ejected;
  bool drained;
  std::string why;                        // it is down, or ejected
  std::chrono::milliseconds ejected_for;  // from now on
  uint64_t ejections;
  uint64_t checks_passed;
  uint64_t checks_failed;
};

// And of one branch.
struct BranchState {
  std::string route;
  std::string name;
  std::string upstream;
  uint64_t weight;
  bool rolled_back;
  uint64_t rollbacks;
};

// And of one kind of load of an upstream with a circuit breaker.
struct BreakerState {
  std::string upstream;
  std::string load;
  uint64_t most;
  uint64_t in_use;
  uint64_t refused;
};

// Consumers that are in one group, by name.
struct Group {
  std::string name;
  std::vector<std::string> members;
};

// How many series of a kind there may be; what is beyond counts under the name "other".
struct SeriesLimits {
  size_t consumers = 1000;
  size_t targets = 1000;
};

// What has become of the spans that were to be told.
struct TraceState {
  uint64_t exported = 0;
  uint64_t dropped = 0;
};

// How near the process is to its limits: parts of them in use; negative: there is no limit.
struct OverloadState {
  double memory = -1;
  double descriptors = -1;
  int level = 0;  // of proxy::Pressure
};

struct States {
  std::vector<TargetState> targets;
  std::vector<BreakerState> breakers;
  std::vector<BranchState> branches;
  const std::vector<Group>* groups = nullptr;  // null: none
  SeriesLimits limits{};
  TraceState traces{};
  OverloadState overload{};
  std::vector<std::pair<std::string, uint64_t>> certificates{};  // until when they are good, since 1970
  uint64_t log_lines_lost = 0;  // of the access log, that could not be written
};

// All counters of all workers. They are made by the control thread and live as long as the registry, so the
// workers hold plain pointers; a route that a reload brings back goes on counting where it was. Only targets,
// which come and go by the thousand where they are discovered, are counted as long as somebody holds them.
class Registry {
 public:
  explicit Registry(size_t workers);

  // One for each worker. The empty name is for requests that matched no route.
  std::vector<RouteMetrics*> route(const std::string& name);
  std::shared_ptr<const TargetShards> target(const std::string& upstream, const std::string& target);
  std::vector<ResponseMetrics*> consumer(const std::string& name);
  std::vector<ResponseMetrics*> branch(const std::string& route, const std::string& name);
  std::vector<PolicyMetrics*> policy(const std::string& route, const std::string& name);
  ListenerMetrics* listener(const std::string& address) { return &listeners_[address]; }
  WorkerMetrics& worker(size_t index) { return *workers_[index]; }
  // What policies count beside their decisions, each by metrics of its own.
  MetricSet& of_policies() { return of_policies_; }
  const MetricSet& of_policies() const { return of_policies_; }

  void note_reload(bool succeeded) { reloads_[succeeded ? 1 : 0].add(); }
  void set_config_version(uint64_t version) { config_version_ = version; }

  // For Prometheus, summed over the workers, with what is known of targets and branches. Control thread.
  enum class Form {
    kText,
    kProtobuf,  // delimited messages, which have native histograms
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
  size_t known_targets_ = 0;  // when those that nobody holds were last forgotten
  std::map<std::string, Shards<ResponseMetrics>> consumers_;
  std::map<std::pair<std::string, std::string>, Shards<ResponseMetrics>> branches_;
  std::map<std::pair<std::string, std::string>, Shards<PolicyMetrics>> policies_;
  MetricSet of_policies_;
  std::map<std::string, ListenerMetrics> listeners_;
  std::array<Counter, 2> reloads_;
  uint64_t config_version_ = 0;
};

}  // namespace portcullis::telemetry

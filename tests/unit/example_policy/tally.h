#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "policy/services.h"

namespace portcullis::policy::example {

// Counts what the example has answered, over all workers and reloads.
class Tally final : public Engine {
 public:
  struct Settings {
    uint64_t limit = 0;
  };
  // For Kind::with_engine().
  static Status start(const config::Config&, Services& services) {
    services.get<Tally>();
    return {};
  }
  Tally(const EngineContext& context, const Settings& settings) : limit_(settings.limit) {
    life().emplace_back("start");
    context.metrics.gauge("example_limit", "How many requests the example answers.", {},
                          [this] { return static_cast<double>(limit_.load()); });
  }
  ~Tally() override { life().emplace_back("end"); }

  // False when the limit is reached. Any thread.
  bool take() {
    if (taken_.fetch_add(1) < limit_.load()) return true;
    taken_.fetch_sub(1);
    return false;
  }
  uint64_t taken() const { return taken_.load(); }
  void clear() { taken_ = 0; }

  void reload(const Settings& settings) {
    life().emplace_back("reload");
    limit_ = settings.limit;
  }
  void settle() override { life().emplace_back("settle"); }
  void stop() override { life().emplace_back("stop"); }

  // What has been called, of all tallies.
  static std::vector<std::string>& life() {
    static std::vector<std::string> all;
    return all;
  }

 private:
  std::atomic<uint64_t> limit_;
  std::atomic<uint64_t> taken_{0};
};

}  // namespace portcullis::policy::example

#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/faults.h"

namespace portcullis::redis {

// The state of a Redis server for the process log; one object for the clients of all workers. Any thread.
class ServerReport {
 public:
  // `subject` begins each message: "Redis 127.0.0.1:6379".
  explicit ServerReport(const std::string& subject)
      : reachable_(Fault::kRedisUnavailable, subject), accepts_(Fault::kRedisRefused, subject) {}

  void lost(std::string_view why) { reachable_.failed(why); }
  void connected() { reachable_.works(); }
  // Records that the server answered a command with an error.
  void refused(std::string_view error);
  // Records that the server has executed a command successfully.
  void answered() { accepts_.works(); }

 private:
  FaultState reachable_;
  FaultState accepts_;
};

// The reports of all servers that the clients of a process talk to. Any thread.
class ServerReports {
 public:
  // The report of the server that `name` describes, such as "127.0.0.1:6379". It lives as long as this
  // object.
  ServerReport& of(const std::string& name);

 private:
  // A cluster has fewer nodes; further ones share the last report.
  static constexpr size_t kMaxServers = 2'000;

  std::mutex mutex_;  // guards the map
  std::map<std::string, std::unique_ptr<ServerReport>> reports_;
};

}  // namespace portcullis::redis

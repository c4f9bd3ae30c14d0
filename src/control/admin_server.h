#pragma once

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <string>
#include <vector>

#include "cache/store.h"
#include "http/h1/small_server.h"
#include "telemetry/metrics.h"

namespace portcullis::control {

struct ReloadOutcome {
  bool succeeded = false;
  std::string report;  // lines of text
};

// The admin listener: GET /metrics, /healthz (the process runs), /readyz (it serves and is not draining),
// /upstreams (the targets and their health, in JSON), /splits (the branches of routes, likewise), and POST
// /reload, which answers when the outcome is known: 200, or 409 with what is wrong; POST
// /splits/resume?route=NAME&branch=NAME brings back a branch that was rolled back; POST
// /cache/purge?uri=URI, ?prefix=URI, ?tag=TAG or ?all ends what is cached of it, and with &expire only its
// freshness. Runs on the control thread's loop, apart from the workers.
class AdminServer {
 public:
  struct Sources {
    std::function<std::string()> metrics;
    std::function<bool()> ready;
    std::function<Task<ReloadOutcome>(const std::string& by)> reload;
    std::function<telemetry::States()> states;
    std::function<bool(const std::string& route, const std::string& branch)> resume;
    std::function<uint64_t(const cache::Purge& purge)> purge;  // how many it has met
    std::function<void(const std::string& action, const std::string& by, const nlohmann::json& details)>
        audit;
  };

  // Takes over an open listening socket.
  AdminServer(EventLoop& loop, UniqueFd socket, Sources sources);

  int fd() const { return server_.fd(); }

 private:
  http::h1::SmallAnswer resume(std::string_view query, const std::string& by) const;
  http::h1::SmallAnswer purge(std::string_view query, const std::string& by) const;
  Task<http::h1::SmallAnswer> answer(const http::h1::SmallRequest& request) const;

  Sources sources_;
  http::h1::SmallServer server_;
};

}  // namespace portcullis::control

#pragma once

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <string>
#include <vector>

#include "cache/store.h"
#include "config/model.h"
#include "control/admin/guard.h"
#include "control/admin/live_feed.h"
#include "control/admin/target_action.h"
#include "control/explain.h"
#include "http/h1/small_server.h"
#include "telemetry/metrics.h"
#include "tls/server_context.h"

namespace portcullis::control {

struct ReloadOutcome {
  bool succeeded = false;
  std::string report;  // lines of text
};

// The admin listener: the dashboard at /, and what it is made of and operators' tools ask for:
// docs/dashboard.md and docs/operations.md list it. Runs on the control thread's loop, apart from the
// workers.
class AdminServer {
 public:
  struct Sources {
    std::function<std::string(telemetry::Registry::Form form)> metrics;
    std::function<bool()> ready;
    std::function<Task<ReloadOutcome>(const std::string& by)> reload;
    std::function<telemetry::States()> states;
    std::function<bool(const std::string& route, const std::string& branch)> resume;
    std::function<uint64_t(const cache::Purge& purge)> purge;  // how many it has met
    // False when the upstream has no such target.
    std::function<bool(const TargetAction& action)> act_on_target;
    std::function<void(const std::string& action, const std::string& by, const nlohmann::json& details)>
        audit;
    std::function<const config::Config&()> config;
    std::function<Task<Result<nlohmann::json>>(Question)> explain;
    LiveFeed::Sources live;
  };

  // Takes over an open listening socket. `tls` may be null: plain HTTP.
  AdminServer(EventLoop& loop, UniqueFd socket, const config::Admin& settings,
              std::shared_ptr<const tls::ServerContext> tls, const telemetry::Registry& registry,
              Sources sources);

  int fd() const { return server_.fd(); }  // -1 when it accepts no more
  // Another process serves at this address from now on.
  void stop_accepting() { server_.stop_accepting(); }
  // From now on these are the tokens and names; when they are others, who has logged in does so again. `tls`
  // as above.
  void change(const config::Admin& settings, std::shared_ptr<const tls::ServerContext> tls);

 private:
  using Request = http::h1::SmallRequest;
  using Answer = http::h1::SmallAnswer;
  struct Endpoint;
  static const Endpoint* find_endpoint(std::string_view path);

  Task<bool> greet(Stream& stream);
  Task<Answer> answer(const Request& request);
  Task<Answer> perform(const Endpoint& endpoint, const Request& request, const AdminGuard::Caller& caller);
  Task<Answer> change(const Endpoint& endpoint, const Request& request, const AdminGuard::Caller& caller);
  Answer look(const Request& request) const;
  Answer series(std::string_view query) const;
  Answer act_on_target(std::string_view path, const std::string& by) const;
  Task<Answer> explain(const Request& request) const;
  Answer resume(std::string_view query, const std::string& by) const;
  Answer purge(std::string_view query, const std::string& by) const;
  Answer live();
  Answer tail(std::string_view query);
  static Answer session(const AdminGuard::Caller& caller);

  EventLoop& loop_;
  std::shared_ptr<const tls::ServerContext> tls_;
  Sources sources_;
  config::Admin settings_;
  AdminGuard guard_;
  uint64_t guards_ = 0;  // how many there have been
  LiveFeed feed_;
  http::h1::SmallServer server_;
};

}  // namespace portcullis::control

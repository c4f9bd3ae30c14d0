#include "control/gateway.h"

#include <malloc.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <thread>

namespace portcullis::control {
namespace {

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1}) sigaddset(&set, signal);
  return set;
}

void say(const std::string& message) {
  std::fprintf(stderr, "portcullis: %s\n", message.c_str());
}

redis::Settings redis_of(const config::Config& config) {
  const config::Redis& told = config.redis;
  return {told.address, told.username, told.password, told.database, told.timeout};
}

telemetry::TraceExporter::Settings exporter_of(const config::Config& config) {
  const config::Tracing& told = config.tracing;
  return {told.endpoint, told.service, {told.headers.begin(), told.headers.end()}, told.ca};
}

std::string place_of(const config::Quotas& quotas) {
  return quotas.redis ? "redis" : quotas.file;
}

bool fails(const Status& status) {
  if (!status) say(status.error().message);
  return !status;
}

// A large configuration takes its memory again at the next reload: fetching it from the kernel page by page
// each time is a third of a reload's cost.
void keep_memory_for_reloads() {
  ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
  ::mallopt(M_MMAP_THRESHOLD, 16 << 20);
}

// Every connection takes descriptors; the soft limit is often a thousand for programs that use select().
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

void print_diagnostics(const config::Diagnostics& diagnostics) {
  for (const config::Diagnostic& diagnostic : diagnostics.sorted()) {
    std::fprintf(stderr, "%s\n", diagnostic.to_string().c_str());
  }
}

Gateway::Gateway(RunOptions options)
    : options_(std::move(options)),
      kept_{TlsState(say)},
      health_checks_(loop_, say),
      target_discovery_(
          {loop_, http_, [this] { return discovery_.resolver(); },
           [this](std::chrono::seconds ttl) { return discovery_.pause_after(ttl); }, say},
          [this](const std::string& upstream, std::shared_ptr<const upstream::TargetList> targets) {
            tasks_.spawn(publish(upstream, std::move(targets)));
          }) {}

void Gateway::block_signals() {
  const sigset_t set = handled_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

Status Gateway::make_services(const config::Config& config) {
  policy::Services::Settings settings;
  settings.workers = worker_count_;
  settings.counter_bytes = counter_bytes_ = config.limits.memory;
  settings.cache_bytes = cache_bytes_ = config.cache.memory;
  settings.redis = redis_ = redis_of(config);
  settings.quota_interval = config.quotas.interval;
  quotas_place_ = place_of(config.quotas);
  if (!config.quotas.file.empty()) {
    auto opened = limits::open_sqlite_store(config.quotas.file);
    if (!opened) return opened.error();
    settings.quota_store = std::move(*opened);
  } else if (config.quotas.redis) {
    settings.quota_store = limits::make_redis_store(redis_);
  }
  services_ = std::make_unique<policy::Services>(std::move(settings), loop_, say);
  return {};
}

Result<std::shared_ptr<const proxy::Snapshot>> Gateway::compile(const config::Config& config) {
  if (config.workers != 0 && config.workers != worker_count_)
    say("the number of workers stays what it is: another takes a restart or an upgrade");
  if (config.admin.address != admin_address_)
    say("the admin listener stays where it is: moving it takes a restart or an upgrade");
  if (config.access_log.path != access_log_path_)
    say("the access log stays where it is: moving it takes a restart or an upgrade");
  if (exporter_of(config) != trace_settings_)
    say("the collector of traces stays what it is: changing it takes a restart or an upgrade");
  if (config.audit_log.path != audit_log_path_)
    say("the audit log stays where it is: moving it takes a restart or an upgrade");
  if (place_of(config.quotas) != quotas_place_)
    say("the store of the quotas stays what it is: changing it takes a restart or an upgrade");
  if (redis_of(config) != redis_)
    say("the Redis server stays what it is: changing it takes a restart or an upgrade");
  if (config.limits.memory != counter_bytes_)
    say("the memory of the limits stays what it is: changing it takes a restart or an upgrade");
  if (config.cache.memory != cache_bytes_)
    say("the memory of the cache stays what it is: changing it takes a restart or an upgrade");
  auto compiled = compile_snapshot(config, ++version_, *metrics_, *services_, kept_);
  services_->settle();
  return compiled;
}

void Gateway::note_sources(const config::Sources& sources) {
  fingerprint_ = sources.fingerprint;
  if (file_watch_) file_watch_->set_files(sources.files);
}

Status Gateway::follow_names(std::shared_ptr<const proxy::Snapshot> snapshot) {
  followed_ = std::move(snapshot);
  health_checks_.watch(followed_->upstreams);
  return follow_hosts();
}

// Those of the snapshot's targets, and of what has been discovered.
Status Gateway::follow_hosts() {
  std::set<std::string> hosts = target_discovery_.hosts();
  hosts.insert(followed_->hosts.begin(), followed_->hosts.end());
  return discovery_.watch(hosts, followed_->dns);
}

// Discovered targets become the workers' when their names are known, so that none is without an address in
// the place of one that has one.
Task<void> Gateway::publish(std::string upstream, std::shared_ptr<const upstream::TargetList> targets) {
  ++publishing_;
  if (followed_) (void)follow_hosts();
  const Clock::time_point patience = Clock::now() + kNamePatience;
  while (!discovery_.settled() && Clock::now() < patience) co_await sleep_for(loop_, Milliseconds(5));
  --publishing_;
  if (target_discovery_.targets_of(upstream) != targets) co_return;  // there is a later one
  health_checks_.set_discovered(upstream, targets);
  for (const auto& worker : workers_) worker->set_discovered(upstream, targets);
}

bool Gateway::start() {
  raise_descriptor_limit();
  keep_memory_for_reloads();
  if (options_.watch_files)
    file_watch_ = std::make_unique<FileWatch>(loop_, [this] { tasks_.spawn(reload_if_changed()); });
  config::Diagnostics diagnostics;
  config::Sources sources;
  auto config = load_config(options_.config_path, diagnostics, kept_.tls, &sources);
  print_diagnostics(diagnostics);
  if (!config) return false;
  note_sources(sources);
  worker_count_ = config->workers != 0 ? config->workers : std::max(1u, std::thread::hardware_concurrency());
  metrics_ = std::make_unique<telemetry::Registry>(worker_count_);
  admin_address_ = config->admin.address;
  access_log_path_ = config->access_log.path;
  audit_log_path_ = config->audit_log.path;
  trace_settings_ = exporter_of(*config);
  if (!audit_log_path_.empty()) {
    auto opened = telemetry::LogSink::open(audit_log_path_, "portcullis-audit");
    if (!opened) {
      say("cannot open the audit log: " + opened.error().message);
      return false;
    }
    audit_log_ = std::make_unique<telemetry::AuditLog>(std::move(*opened));
  }
  if (fails(make_services(*config))) return false;
  const auto compiled = compile(*config);
  if (!compiled) {
    say(compiled.error().message);
    return false;
  }
  snapshot_ = *compiled;
  config_ = std::move(*config);
  follow_tls_files();
  target_discovery_.watch(config_, *metrics_);
  if (fails(follow_names(snapshot_))) return false;
  const Clock::time_point patience = Clock::now() + kNamePatience;
  // Nobody is served yet, so the first answers about names may come first.
  while (!names_settled() && Clock::now() < patience) loop_.run_once(Milliseconds(50));

  std::unique_ptr<Succession> predecessor;
  if (!options_.upgrade_socket_path.empty()) {
    auto asked = Succession::ask(options_.upgrade_socket_path);
    if (!asked) {
      say(asked.error().message);
      return false;
    }
    predecessor = std::move(*asked);
  }
  if (predecessor) {
    for (auto& [address, sockets] : predecessor->sockets()) {
      if (!address.starts_with("admin ")) listeners_.inherit(address, std::move(sockets));
    }
  }
  auto sockets = listeners_.update(snapshot_->listeners, worker_count_);
  if (!sockets) {
    say(sockets.error().message);
    return false;
  }
  if (fails(open_admin(predecessor.get())) || fails(start_workers(std::move(*sockets))) ||
      fails(open_upgrade_point()))
    return false;
  if (predecessor) {
    say("took over from the process at " + options_.upgrade_socket_path);
    predecessor->confirm();
  }
  for (const proxy::ListenerSettings& listener : snapshot_->listeners) {
    say("listening on " + listener.address.to_string() + " (" + listener.name + ")");
  }
  return true;
}

Status Gateway::start_workers(std::vector<proxy::ListenerSockets> sockets) {
  if (!access_log_path_.empty()) {
    auto opened = telemetry::AccessLog::open(access_log_path_, worker_count_);
    if (!opened) return opened.error();
    access_log_ = std::move(*opened);
  }
  if (!trace_settings_.endpoint.empty())
    traces_ = std::make_unique<telemetry::TraceExporter>(trace_settings_, worker_count_);
  metrics_->set_config_version(snapshot_->version);
  const auto on_finished = [this] {
    loop_.post([this] {
      if (++finished_workers_ == workers_.size()) loop_.stop();
    });
  };
  for (size_t i = 0; i < worker_count_; ++i) {
    workers_.push_back(std::make_unique<proxy::Worker>(i, snapshot_, std::move(sockets[i]),
                                                       metrics_->worker(i), access_log_.get(), traces_.get(),
                                                       on_finished));
  }
  discovery_.for_each([this](const std::string& host, const upstream::Addresses& addresses) {
    for (const auto& worker : workers_) worker->set_addresses(host, addresses);
  });
  target_discovery_.for_each(
      [this](const std::string& upstream, const std::shared_ptr<const upstream::TargetList>& targets) {
        for (const auto& worker : workers_) worker->set_discovered(upstream, targets);
      });
  return {};
}

Status Gateway::open_admin(Succession* predecessor) {
  if (admin_address_.empty()) return {};
  UniqueFd socket;
  if (predecessor != nullptr) {
    const auto passed = predecessor->sockets().find("admin " + admin_address_);
    if (passed != predecessor->sockets().end() && !passed->second.empty())
      socket = std::move(passed->second.front());
  }
  if (!socket) {
    auto opened = open_listening_socket(*SocketAddress::parse(admin_address_), 128);
    if (!opened) return opened.error();
    socket = std::move(*opened);
  }
  say("admin on " + SocketAddress::of_socket(socket.get()).to_string());
  admin_ = std::make_unique<AdminServer>(
      loop_, std::move(socket),
      AdminServer::Sources{
          .metrics = [this] { return metrics_->scrape(states()); },
          .ready = [this] { return !draining_; },
          .reload = [this](const std::string& by) { return reload(by); },
          .states = [this] { return states(); },
          .resume = [this](const std::string& route,
                           const std::string& branch) { return kept_.rollbacks.resume(route, branch); },
          .purge = [this](const cache::Purge& purge) { return services_->cache().purge(purge); },
          .audit = [this](const std::string& action, const std::string& by,
                          const nlohmann::json& details) { audit(action, by, details); }});
  return {};
}

telemetry::States Gateway::states() const {
  const cache::StoreState cache = services_->cache().state();
  return {health_checks_.states(),
          breaker_states(snapshot_->upstreams),
          branch_states(*snapshot_, loop_.now()),
          {cache.bytes, cache.most_bytes, cache.entries, cache.filling_bytes, cache.evictions, cache.purged},
          &snapshot_->groups,
          {config_.metrics.consumers, config_.metrics.targets},
          traces_ ? traces_->state() : telemetry::TraceState()};
}

Status Gateway::open_upgrade_point() {
  if (options_.upgrade_socket_path.empty()) return {};
  UpgradePoint::Hooks hooks;
  hooks.sockets = [this] {
    std::vector<std::pair<std::string, std::vector<int>>> out;
    for (const auto& [address, sockets] : listeners_.sockets()) {
      out.emplace_back(address, std::vector<int>());
      for (const UniqueFd& socket : sockets) out.back().second.push_back(socket.get());
    }
    if (admin_) out.emplace_back("admin " + admin_address_, std::vector<int>{admin_->fd()});
    return out;
  };
  hooks.on_succeeded = [this] {
    say("a successor serves");
    stop(SIGTERM, "successor");
  };
  auto opened = UpgradePoint::open(loop_, options_.upgrade_socket_path, std::move(hooks));
  if (!opened) return opened.error();
  upgrade_point_ = std::move(*opened);
  return {};
}

// One at a time: whoever asks meanwhile waits, and then has what is in the files by then.
Task<ReloadOutcome> Gateway::reload(std::string by) {
  while (reloading_) co_await sleep_for(loop_, Milliseconds(5));
  reloading_ = true;
  ReloadOutcome outcome = co_await reload_once();
  reloading_ = false;
  metrics_->note_reload(outcome.succeeded);
  audit("reload", by,
        {{"outcome", outcome.succeeded ? "succeeded" : "refused"}, {"configuration", snapshot_->version}});
  co_return outcome;
}

Task<ReloadOutcome> Gateway::reload_once() {
  const auto refuse = [this](const std::string& why) {
    const std::string serving = "configuration " + std::to_string(snapshot_->version) + " goes on serving";
    say("reload refused; " + serving);
    return ReloadOutcome{false, why + serving + "\n"};
  };
  config::Diagnostics diagnostics;
  config::Sources sources;
  auto config = load_config(options_.config_path, diagnostics, kept_.tls, &sources);
  note_sources(sources);
  print_diagnostics(diagnostics);
  std::string report;
  for (const config::Diagnostic& one : diagnostics.sorted()) report += one.to_string() + "\n";
  if (draining_) co_return refuse("the gateway is draining\n");
  if (!config) co_return refuse(report);
  Task<Status> serving = serve(std::move(*config));
  if (const Status served = co_await serving; !served) {
    say(served.error().message);
    co_return refuse(served.error().message + "\n");
  }
  reopen_logs();
  const std::string now = "serving configuration " + std::to_string(snapshot_->version);
  say(now);
  co_return ReloadOutcome{true, report + now + "\n"};
}

// Puts `config`, which has been checked, in the place of what is served. On an error everything is as before.
Task<Status> Gateway::serve(config::Config config) {
  const auto compiled = compile(config);
  if (!compiled) co_return compiled.error();
  const std::shared_ptr<const proxy::Snapshot>& fresh = *compiled;
  target_discovery_.watch(config, *metrics_);
  if (const Status followed = follow_names(fresh); !followed) co_return followed;
  // Requests for a new name would fail until it is known.
  const Clock::time_point patience = Clock::now() + kNamePatience;
  while (!names_settled() && Clock::now() < patience) co_await sleep_for(loop_, Milliseconds(5));
  auto sockets = listeners_.update(fresh->listeners, worker_count_);
  if (!sockets) {
    target_discovery_.watch(config_, *metrics_);
    (void)follow_names(snapshot_);
    co_return sockets.error();
  }
  for (size_t i = 0; i < workers_.size(); ++i) workers_[i]->replace_snapshot(fresh, std::move((*sockets)[i]));
  tasks_.spawn(bury(std::exchange(snapshot_, fresh)));
  metrics_->set_config_version(fresh->version);
  config_ = std::move(config);
  follow_tls_files();
  co_return Status();
}

void Gateway::follow_tls_files() {
  const std::vector<std::string> files = tls_files(config_);
  tls_fingerprint_ = tls_fingerprint(files);
  if (!tls_watch_ && !files.empty())
    tls_watch_ = std::make_unique<FileWatch>(loop_, [this] { tasks_.spawn(refresh_tls()); });
  if (tls_watch_) tls_watch_->set_files(files);
}

// Certificates come and go by themselves; the configuration is not read for that.
Task<void> Gateway::refresh_tls() {
  while (reloading_) co_await sleep_for(loop_, Milliseconds(5));
  const std::string now = tls_fingerprint(tls_files(config_));
  if (now == tls_fingerprint_ || draining_) co_return;
  tls_fingerprint_ = now;
  reloading_ = true;
  config::Diagnostics diagnostics;
  check_tls(config_, kept_.tls, diagnostics);
  print_diagnostics(diagnostics);
  config::Config same = config_;
  Task<Status> serving = serve(std::move(same));
  Status served = diagnostics.has_errors() ? Status(Error{"they are not good"}) : Status();
  if (served) served = co_await serving;
  reloading_ = false;
  metrics_->note_reload(static_cast<bool>(served));
  audit("certificates", "files", {{"outcome", served ? "succeeded" : "refused"}});
  say(served ? "certificates have changed: serving configuration " + std::to_string(snapshot_->version)
             : "changed certificates refused (" + served.error().message + "); those before go on serving");
}

// Holds a replaced snapshot until nobody else does, so that no worker has to take a large one apart.
Task<void> Gateway::bury(std::shared_ptr<const proxy::Snapshot> replaced) {
  while (replaced.use_count() > 1) co_await sleep_for(loop_, Milliseconds(100));
}

// Something has changed beside the files: is it they?
Task<void> Gateway::reload_if_changed() {
  config::Diagnostics ignored;
  config::Sources sources;
  load_config(options_.config_path, ignored, kept_.tls, &sources);
  if (sources.fingerprint != fingerprint_ && !draining_) {
    Task<ReloadOutcome> reloading = reload("files");
    co_await reloading;
  }
}

void Gateway::audit(const std::string& action, const std::string& by, const nlohmann::json& details) {
  if (audit_log_) audit_log_->note(action, by, details);
}

// For log rotation.
void Gateway::reopen_logs() {
  if (access_log_) access_log_->reopen();
  if (audit_log_) audit_log_->reopen();
}

void Gateway::stop(int signal, const std::string& by) {
  const bool at_once = signal == SIGQUIT;
  if (draining_ && !at_once) return;  // already on its way
  draining_ = true;
  say(at_once ? "stopping at once" : "draining");
  audit(at_once ? "stop" : "drain", by, nlohmann::json::object());
  // Ours are duplicates of the workers': while they are open the kernel goes on taking connections.
  listeners_.close();
  const Milliseconds deadline = at_once ? Milliseconds(0) : snapshot_->drain_timeout;
  for (const auto& worker : workers_) worker->drain(deadline);
}

void Gateway::run_until_signalled() {
  class SignalWatcher final : public Watcher {
   public:
    explicit SignalWatcher(Gateway& gateway)
        : gateway_(gateway), fd_(::signalfd(-1, &set_, SFD_NONBLOCK | SFD_CLOEXEC)) {
      gateway_.loop_.watch(fd_.get(), EPOLLIN, *this);
    }
    void on_events(uint32_t) override {
      signalfd_siginfo received{};
      while (::read(fd_.get(), &received, sizeof received) == sizeof received) {
        const auto signal = static_cast<int>(received.ssi_signo);
        switch (signal) {
          case SIGHUP: gateway_.tasks_.spawn(reload(gateway_)); break;
          case SIGUSR1: gateway_.reopen_logs(); break;
          default: gateway_.stop(signal, "signal");
        }
      }
    }

   private:
    static Task<void> reload(Gateway& gateway) {
      Task<ReloadOutcome> reloading = gateway.reload("signal");
      co_await reloading;
    }

    Gateway& gateway_;
    const sigset_t set_ = handled_signals();
    UniqueFd fd_;  // after set_, which it is made from
  };
  SignalWatcher signals(*this);
  loop_.run();  // until the last worker has finished
  for (const auto& worker : workers_) worker->join();
  services_->stop();
  tasks_.clear();
}

}  // namespace portcullis::control

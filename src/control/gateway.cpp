#include "control/gateway.h"

#include <malloc.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <thread>

#include "control/say.h"

namespace portcullis::control {
namespace {

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1}) sigaddset(&set, signal);
  return set;
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
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of whoever writes it
}

Status Gateway::make_services(const config::Config& config) {
  policy::Services::Settings settings;
  settings.workers = worker_count_;
  settings.counter_bytes = fixed_.counter_bytes;
  settings.cache_bytes = fixed_.cache_bytes;
  settings.redis = fixed_.redis;
  settings.quota_interval = config.quotas.interval;
  if (!config.quotas.file.empty()) {
    auto opened = limits::open_sqlite_store(config.quotas.file);
    if (!opened) return opened.error();
    settings.quota_store = std::move(*opened);
  } else if (config.quotas.redis) {
    settings.quota_store = limits::make_redis_store(fixed_.redis);
  }
  if (!fixed_.cache_disk.path.empty()) {
    auto opened = cache::Disk::open(fixed_.cache_disk, say);
    if (!opened) return opened.error();
    settings.cache_disk = std::move(*opened);
  }
  services_ = std::make_unique<policy::Services>(std::move(settings), loop_, say);
  return {};
}

Result<std::shared_ptr<const proxy::Snapshot>> Gateway::compile(const config::Config& config) {
  if (config.workers != 0 && config.workers != worker_count_)
    say("the number of workers stays what it is: another takes a restart or an upgrade");
  for (const std::string& difference : fixed_.differences(FixedSettings::of(config))) say(difference);
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

StartOutcome Gateway::start() {
  raise_descriptor_limit();
  keep_memory_for_reloads();
  if (options_.watch_files)
    file_watch_ = std::make_unique<FileWatch>(loop_, [this] { tasks_.spawn(reload_if_changed()); });
  config::Diagnostics diagnostics;
  config::Sources sources;
  auto config = load_config(options_.config_path, diagnostics, kept_.tls, &sources);
  print_diagnostics(diagnostics);
  if (!config) return StartOutcome::kBadConfiguration;
  note_sources(sources);
  worker_count_ = config->workers != 0 ? config->workers : std::max(1u, std::thread::hardware_concurrency());
  metrics_ = std::make_unique<telemetry::Registry>(worker_count_);
  fixed_ = FixedSettings::of(*config);
  if (!fixed_.audit_log.empty()) {
    auto opened = telemetry::LogSink::open(fixed_.audit_log, "portcullis-audit");
    if (!opened) {
      say("cannot open the audit log: " + opened.error().message);
      return StartOutcome::kCouldNot;
    }
    audit_log_ = std::make_unique<telemetry::AuditLog>(std::move(*opened));
  }
  if (fails(make_services(*config))) return StartOutcome::kCouldNot;
  const auto compiled = compile(*config);
  if (!compiled) {
    say(compiled.error().message);
    return StartOutcome::kCouldNot;
  }
  snapshot_ = *compiled;
  config_ = std::move(*config);
  follow_tls_files();
  target_discovery_.watch(config_, *metrics_);
  if (fails(follow_names(snapshot_))) return StartOutcome::kCouldNot;
  const Clock::time_point patience = Clock::now() + kNamePatience;
  // Nobody is served yet, so the first answers about names may come first.
  while (!names_settled() && Clock::now() < patience) loop_.run_once(Milliseconds(50));

  std::unique_ptr<Succession> predecessor;
  if (!options_.upgrade_socket_path.empty()) {
    auto asked = Succession::ask(options_.upgrade_socket_path);
    if (!asked) {
      say(asked.error().message);
      return StartOutcome::kCouldNot;
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
    return StartOutcome::kCouldNot;
  }
  if (fails(open_admin(predecessor.get())) || fails(start_workers(std::move(*sockets))) ||
      fails(open_upgrade_point()))
    return StartOutcome::kCouldNot;
  if (predecessor) {
    say("took over from the process at " + options_.upgrade_socket_path);
    predecessor->confirm();
  }
  for (const proxy::ListenerSettings& listener : snapshot_->listeners) {
    say("listening on " + listener.address.to_string() + " (" + listener.name + ")");
  }
  return StartOutcome::kServing;
}

Status Gateway::start_workers(std::vector<proxy::ListenerSockets> sockets) {
  if (!fixed_.access_log.empty()) {
    auto opened = telemetry::AccessLog::open(fixed_.access_log, worker_count_);
    if (!opened) return opened.error();
    access_log_ = std::move(*opened);
  }
  if (!fixed_.traces.endpoint.empty())
    traces_ = std::make_unique<telemetry::TraceExporter>(fixed_.traces, worker_count_);
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
  overload_ = std::make_unique<OverloadGuard>(
      loop_, workers_, [this]() -> const config::Overload& { return config_.overload; });
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
  if (fixed_.admin_address.empty()) return {};
  UniqueFd socket;
  if (predecessor != nullptr) {
    const auto passed = predecessor->sockets().find("admin " + fixed_.admin_address);
    if (passed != predecessor->sockets().end() && !passed->second.empty())
      socket = std::move(passed->second.front());
  }
  if (!socket) {
    auto opened = open_listening_socket(*SocketAddress::parse(fixed_.admin_address), 128);
    if (!opened) return opened.error();
    socket = std::move(*opened);
  }
  auto tls = admin_tls(config_.admin);
  if (!tls) return tls.error();
  say("admin on " + SocketAddress::of_socket(socket.get()).to_string());
  admin_ = std::make_unique<AdminServer>(
      loop_, std::move(socket), config_.admin, std::move(*tls), *metrics_,
      AdminServer::Sources{
          .metrics = [this](telemetry::Registry::Form form) { return metrics_->scrape(states(), form); },
          .ready = [this] { return !draining_; },
          .reload = [this](const std::string& by) { return reload(by); },
          .states = [this] { return states(); },
          .resume = [this](const std::string& route,
                           const std::string& branch) { return kept_.rollbacks.resume(route, branch); },
          .purge = [this](const cache::Purge& purge) { return services_->cache().purge(purge); },
          .audit = [this](const std::string& action, const std::string& by,
                          const nlohmann::json& details) { audit(action, by, details); },
          .config = [this]() -> const config::Config& { return config_; },
          .live = {.states = [this] { return states(); },
                   .collect =
                       [this](const std::function<void(telemetry::Notables::Batch)>& receive) {
                         for (const auto& worker : workers_) worker->collect_notables(loop_, receive);
                         return draining_ ? 0 : workers_.size();
                       },
                   .about =
                       [this] {
                         return nlohmann::json{{"version", PORTCULLIS_VERSION},
                                               {"configuration", snapshot_->version},
                                               {"draining", draining_}};
                       }}});
  return {};
}

// As a listener's, without HTTP/2.
Result<std::shared_ptr<const tls::ServerContext>> Gateway::admin_tls(const config::Admin& settings) {
  if (!settings.tls.enabled()) return std::shared_ptr<const tls::ServerContext>();
  return make_server_context(as_listener(settings), kept_.tls);
}

telemetry::States Gateway::states() {
  // A name costs a series, and there may be thousands.
  static constexpr size_t kMostCertificates = 200;
  auto ends = kept_.tls.certificates.ends();
  std::sort(ends.begin(), ends.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (ends.size() > kMostCertificates) ends.resize(kMostCertificates);
  std::vector<std::pair<std::string, uint64_t>> certificates;
  certificates.reserve(ends.size());
  for (const auto& [file, end] : ends)
    certificates.emplace_back(file, static_cast<uint64_t>(end.time_since_epoch().count()));
  return {health_checks_.states(),
          breaker_states(snapshot_->upstreams),
          branch_states(*snapshot_, loop_.now()),
          services_->cache().state(),
          &snapshot_->groups,
          {config_.metrics.consumers, config_.metrics.targets},
          traces_ ? traces_->state() : telemetry::TraceState(),
          overload_ ? overload_->state() : telemetry::OverloadState(),
          std::move(certificates)};
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
    if (admin_) out.emplace_back("admin " + fixed_.admin_address, std::vector<int>{admin_->fd()});
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

// How the gateway starts: what it opens, in which order, and as which user.

#include <malloc.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <system_error>

#include "base/faults.h"
#include "control/explain.h"
#include "control/gateway.h"
#include "control/process_setup.h"
#include "control/say.h"
#include "limits/quota_store.h"
#include "policy/cache/shared_store.h"
#include "policy/counters.h"
#include "policy/quota/book.h"
#include "policy/rate_limit/cluster.h"
#include "runtime/processors.h"

namespace portcullis::control {
namespace {

bool fails(const Status& status) {
  if (!status) say(Level::kError, status.error().message);
  return !status;
}

// A large configuration takes its memory again at the next reload: fetching it from the kernel page by page
// each time is a third of a reload's cost.
void keep_memory_for_reloads() {
  ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
  ::mallopt(M_MMAP_THRESHOLD, 16 << 20);
}

}  // namespace

Status Gateway::make_services(const config::Config& config) {
  policy::quota::Book::Settings quotas{.interval = config.quotas.interval};
  policy::cache_policy::SharedStore::Settings stored{.bytes = fixed_.cache_bytes};
  if (!config.quotas.file.empty()) {
    auto opened = limits::open_sqlite_store(config.quotas.file);
    if (!opened) return opened.error();
    quotas.store = std::move(*opened);
  } else if (config.quotas.redis) {
    quotas.store = limits::make_redis_store(fixed_.redis);
  }
  if (!fixed_.cache_disk.path.empty()) {
    auto opened = cache::Disk::open(fixed_.cache_disk, told_as(Fault::kCacheDisk));
    if (!opened) return opened.error();
    stored.disk = std::move(*opened);
  }
  services_ = std::make_unique<policy::Services>(worker_count_, loop_, metrics_->of_policies());
  services_->get<policy::Counters>({.bytes = fixed_.counter_bytes});
  services_->get<policy::cache_policy::SharedStore>(std::move(stored));
  services_->get<policy::rate_limit::Cluster>(fixed_.redis);
  // From the start, so that a thread that a reload cannot start loses no counts.
  if (quotas.store) services_->get<policy::quota::Book>(std::move(quotas));
  return {};
}

// A second process on served addresses ends before it waits for names and opens files.
Status Gateway::check_addresses(const config::Config& config) const {
  if (is_successor()) return {};  // the predecessor's are passed on
  std::vector<std::string> addresses;
  for (const config::Listener& one : config.listeners) addresses.push_back(one.address);
  if (config.admin.enabled()) addresses.push_back(config.admin.address);
  for (const std::string& address : addresses) {
    if (Status free = check_address_is_free(*SocketAddress::parse(address)); !free) return free;
  }
  return {};
}

StartOutcome Gateway::start() {
  StartOutcome outcome = StartOutcome::kCouldNot;
  try {
    outcome = start_serving();
  } catch (const std::system_error& problem) {  // a thread or a loop that the system does not allow
    say(Level::kError, problem.what());
  }
  if (outcome == StartOutcome::kServing) return outcome;
  end_failed_start();
  return outcome;
}

// Workers that have been started may have accepted connections that came to the predecessor's sockets, and
// those are served to their end.
void Gateway::end_failed_start() {
  listeners_.close(ListenerSet::Files::kRemoved);
  if (!workers_.empty()) {
    draining_ = true;
    if (admin_) admin_->stop_accepting();
    for (const auto& worker : workers_) worker->drain(snapshot_->drain_timeout);
    loop_.run();  // until the last worker has finished
  }
  quit_.clear_stop();
  admin_file_.remove_all();
  for (const auto& worker : workers_) worker->join();
  if (services_) services_->stop();
  tasks_.clear();
}

Status Gateway::open_logs() {
  if (fixed_.audit_log.empty()) return {};
  auto opened = telemetry::LogSink::open(fixed_.audit_log, "portcullis-audit", Fault::kAuditLog);
  if (!opened) return Error{"cannot open the audit log: " + opened.error().message};
  audit_log_ = std::make_unique<telemetry::AuditLog>(std::move(*opened));
  return {};
}

// What has files of its own is opened as the user who goes on using them.
Status Gateway::open_files(const config::Config& config) {
  const ActingAs user(identity_ ? &*identity_ : nullptr);
  if (!user.status()) return user.status();
  Status opened = open_logs();
  if (opened) opened = make_services(config);
  if (!opened && identity_) return Error{opened.error().message + " (as the user `" + identity_->name + "`)"};
  return opened;
}

Status Gateway::choose_user() {
  if (options_.user.empty()) return {};
  auto found = Identity::find(options_.user);
  if (!found) return found.error();
  if (found->is_current()) return {};  // a successor of a process that has become that user
  identity_ = std::move(*found);
  return take_groups(*identity_);
}

// Everything that only root may open is open by now.
Status Gateway::give_up_privileges() {
  if (!identity_) return {};
  load_certificates(config_, kept_.tls);
  listeners_.give_to(identity_->user, identity_->group);
  unsigned first_free = 1024;
  std::ifstream("/proc/sys/net/ipv4/ip_unprivileged_port_start") >> first_free;
  const bool low = std::any_of(config_.listeners.begin(), config_.listeners.end(), [&](const auto& one) {
    const uint16_t port = SocketAddress::parse(one.address)->port();
    return port != 0 && port < first_free;
  });
  if (Status became = become(*identity_, low ? LowPorts::kKept : LowPorts::kNoMore); !became) return became;
  set_core_dumps(options_.core_dumps);  // anew: changing the user has an effect on them
  say("running as the user `" + identity_->name + "`" + (low ? ", which may bind low ports" : ""));
  return {};
}

Result<std::unique_ptr<Succession>> Gateway::find_predecessor() {
  if (predecessor_) return Succession::receive(std::move(predecessor_));
  if (!options_.upgrade_socket_path.empty()) return Succession::ask(options_.upgrade_socket_path);
  return std::unique_ptr<Succession>();
}

StartOutcome Gateway::start_serving() {
  raise_descriptor_limit();
  keep_memory_for_reloads();
  set_core_dumps(options_.core_dumps);
  restrict_file_modes();
  if (fails(check_descriptor_limit()) || fails(choose_user())) return StartOutcome::kCouldNot;
  if (options_.watch_files)
    file_watch_ = std::make_unique<FileWatch>(loop_, [this] { tasks_.spawn(reload_if_changed()); });
  config::Diagnostics diagnostics;
  config::Sources sources;
  auto config = load_config(options_.source(), diagnostics, kept_.tls, &sources);
  if (config) set_process_log(config->process_log);
  print_diagnostics(diagnostics);
  if (!config) return StartOutcome::kBadConfiguration;
  note_sources(sources);
  if (fails(check_addresses(*config))) return StartOutcome::kCouldNot;
  worker_count_ = config->workers != 0 ? config->workers : default_workers();
  if (fails(check_descriptor_limit(worker_count_, config->listeners.size()))) return StartOutcome::kCouldNot;
  metrics_ = std::make_unique<telemetry::Registry>(worker_count_);
  fixed_ = FixedSettings::of(*config);
  if (fails(open_files(*config))) return StartOutcome::kCouldNot;
  const auto compiled = compile(*config);
  if (!compiled) {
    say(Level::kError, compiled.error().message);
    return StartOutcome::kCouldNot;
  }
  snapshot_ = *compiled;
  config_ = std::move(*config);
  follow_tls_files();
  target_discovery_.watch(config_, *metrics_);
  if (fails(follow_names(snapshot_))) return StartOutcome::kCouldNot;
  const Clock::time_point patience = Clock::now() + kNamePatience;
  // No client is served yet, so the first answers about names may come first.
  while (!names_settled() && Clock::now() < patience) loop_.run_once(Milliseconds(50));

  auto predecessor = find_predecessor();
  if (!predecessor) {
    say(Level::kError, predecessor.error().message);
    return StartOutcome::kCouldNot;
  }
  if (*predecessor) {
    for (auto& [address, sockets] : (*predecessor)->sockets()) {
      if (!address.starts_with("admin ")) listeners_.inherit(address, std::move(sockets));
    }
  }
  // What comes before is handled once it serves.
  signals_ = std::make_unique<SignalWatch>(loop_, [this](int signal) { receive_signal(signal); });
  quit_.set_stop([this] { loop_.post([this] { stop(SIGQUIT, "signal"); }); });
  auto sockets = listeners_.update(snapshot_->listeners, worker_count_);
  if (!sockets) {
    say(Level::kError, sockets.error().message);
    return StartOutcome::kCouldNot;
  }
  if (fails(open_admin(predecessor->get())) || fails(give_up_privileges()) ||
      fails(prepare_upgrade_point()) || fails(start_workers(std::move(*sockets))) ||
      fails(upgrade_point_->listen()))
    return StartOutcome::kCouldNot;
  if (*predecessor && fails((*predecessor)->check())) return StartOutcome::kCouldNot;
  watchdog_ = std::make_unique<Watchdog>(loop_, manager_, workers_, [this] { return draining_; });
  // Before the predecessor is told to end: by then the service manager knows its new main process.
  manager_.ready(serving_line());
  if (*predecessor) {
    say("took over from the process that served before");
    if (fails((*predecessor)->confirm())) return StartOutcome::kCouldNot;
    listeners_.own_inherited();
    if (admin_) admin_file_.add(socket_path_of(fixed_.admin_address));
  }
  if (!options_.welcome.empty()) {
    say_page(options_.welcome);
    return StartOutcome::kServing;
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
  proxy::KnownTargets known;
  discovery_.for_each([&](const std::string& host, const upstream::Addresses& addresses) {
    known.addresses[host] = addresses;
  });
  target_discovery_.for_each(
      [&](const std::string& upstream, const std::shared_ptr<const upstream::TargetList>& targets) {
        known.discovered[upstream] = targets;
      });
  for (size_t i = 0; i < worker_count_; ++i) {
    workers_.push_back(std::make_unique<proxy::Worker>(i, snapshot_, std::move(sockets[i]), known,
                                                       metrics_->worker(i), access_log_.get(), traces_.get(),
                                                       on_finished));
  }
  overload_ = std::make_unique<OverloadGuard>(
      loop_, workers_, [this]() -> const config::Overload& { return config_.overload; });
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
    if (!opened) return Error{"the admin listener: " + opened.error().message};
    socket = std::move(*opened);
    const std::string path = socket_path_of(fixed_.admin_address);
    admin_file_.add(path);
    if (!path.empty() && fixed_.admin_rights.are_given()) {
      auto file = SocketFile::open(path);
      Status given = file ? file->set_rights(fixed_.admin_rights) : Status(file.error());
      if (!given) return Error{"the admin listener: " + given.error().message};
    }
  }
  auto tls = admin_tls(config_.admin);
  if (!tls) return tls.error();
  if (options_.welcome.empty()) say("admin on " + SocketAddress::of_socket(socket.get()).to_string());
  admin_ = std::make_unique<AdminServer>(
      loop_, std::move(socket), config_.admin, std::move(*tls), *metrics_,
      AdminServer::Sources{
          .metrics = [this](telemetry::Registry::Form form) { return metrics_->scrape(states(), form); },
          .ready = [this] { return !draining_; },
          .reload = [this](const std::string& by) { return reload(by); },
          .states = [this] { return states(); },
          .resume = [this](const std::string& route,
                           const std::string& branch) { return kept_.rollbacks.resume(route, branch); },
          .purge =
              [this](const cache::Purge& purge) {
                return services_->get<policy::cache_policy::SharedStore>().store().purge(purge);
              },
          .act_on_target = [this](const TargetAction& action) { return act_on_target(action); },
          .audit = [this](const std::string& action, const std::string& by,
                          const nlohmann::json& details) { audit(action, by, details); },
          .config = [this]() -> const config::Config& { return config_; },
          .explain =
              [this](Question question) {
                return explain(
                    loop_, *workers_.front(),
                    [this] {
                      return Served{snapshot_, config_};
                    },
                    std::move(question));
              },
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
                       },
                   .tail =
                       [this](uint64_t id, const std::shared_ptr<const telemetry::TailFilter>& filter) {
                         for (const auto& worker : workers_) worker->set_tail(id, filter);
                       },
                   .watch =
                       [this](bool watched) {
                         for (const auto& worker : workers_) worker->set_measuring(watched);
                       }}});
  return {};
}

}  // namespace portcullis::control

// How the gateway starts: what it opens, in which order, and as which user.

#include <malloc.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>

#include "base/say.h"
#include "control/gateway.h"
#include "control/privileges.h"
#include "control/reload_report.h"
#include "control/say.h"

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

// Runs the loop until the task has ended: before the gateway serves, nothing else runs it.
void run_to_end(EventLoop& loop, Task<void> task) {
  TaskGroup running;
  running.spawn(std::move(task));
  while (!running.empty()) loop.run_once(Milliseconds(60'000));
}

Task<void> load_first(ConfigService& service, ConfigService::Loaded& out) {
  Task<ConfigService::Loaded> loading = service.load_first();
  out = co_await loading;
}

}  // namespace

// One start of a gateway. What only the start needs ends with it, so that a predecessor learns at once of a
// start that has failed.
class Startup {
 public:
  explicit Startup(Gateway& gateway) : gateway_(gateway), options_(gateway.options_) {}

  StartOutcome run();

 private:
  Status prepare_process();
  std::optional<config::Config> load();
  Status choose_user();
  Status check_addresses(const config::Config& config) const;
  Status open_files(const config::Config& config);
  Status find_predecessor();
  Status open_addresses();
  Status give_up_privileges();
  Status start_workers();
  Status take_over();
  void greet() const;
  // Another process passes its sockets on to this one.
  bool is_successor() const { return predecessor_ || !options_.upgrade_socket_path.empty(); }

  Gateway& gateway_;
  const RunOptions& options_;
  UniqueFd predecessor_ = take_predecessor_socket();  // of the process that started this one as its successor
  std::unique_ptr<Succession> succession_;            // null when there is no predecessor
  std::optional<Identity> identity_;             // the user to become; nothing: the process stays who it is
  std::vector<proxy::ListenerSockets> sockets_;  // of each worker
};

Status Startup::prepare_process() {
  raise_descriptor_limit();
  keep_memory_for_reloads();
  set_core_dumps(options_.core_dumps);
  restrict_file_modes();
  return check_descriptor_limit();
}

Status Startup::choose_user() {
  if (options_.user.empty()) return {};
  auto found = Identity::find(options_.user);
  if (!found) return found.error();
  if (found->is_current()) return {};  // a successor of a process that has become that user
  identity_ = std::move(*found);
  return take_groups(*identity_);
}

std::optional<config::Config> Startup::load() {
  if (options_.watch_files) gateway_.config_service_.follow_origin();
  ConfigService::Loaded loaded;
  run_to_end(gateway_.loop_, load_first(gateway_.config_service_, loaded));
  if (loaded.config) set_process_log(loaded.config->process_log);
  print_diagnostics(loaded.diagnostics);
  return std::move(loaded.config);
}

// A second process on served addresses ends before it waits for names and opens files.
Status Startup::check_addresses(const config::Config& config) const {
  if (is_successor()) return {};  // the predecessor's are passed on
  std::vector<std::string> addresses;
  for (const config::Listener& one : config.listeners) addresses.push_back(one.address);
  if (config.admin.enabled()) addresses.push_back(config.admin.address);
  for (const std::string& address : addresses) {
    if (Status free = check_address_is_free(*SocketAddress::parse(address)); !free) return free;
  }
  return {};
}

// What has files of its own is opened as the user who goes on using them.
Status Startup::open_files(const config::Config& config) {
  const ActingAs user(identity_ ? &*identity_ : nullptr);
  if (!user.status()) return user.status();
  Status opened = gateway_.logs_.open_audit(gateway_.deployment_.fixed().audit_log);
  if (opened) opened = gateway_.deployment_.open_engines(config);
  if (!opened && identity_) return Error{opened.error().message + " (as the user `" + identity_->name + "`)"};
  return opened;
}

Status Startup::find_predecessor() {
  auto found = predecessor_ ? Succession::receive(std::move(predecessor_))
               : !options_.upgrade_socket_path.empty()
                   ? Succession::ask(options_.upgrade_socket_path)
                   : Result<std::unique_ptr<Succession>>(std::unique_ptr<Succession>());
  if (!found) return found.error();
  succession_ = std::move(*found);
  return {};
}

// Those of the listeners and of the admin listener, a predecessor's where it has passed them on.
Status Startup::open_addresses() {
  const FixedSettings& fixed = gateway_.deployment_.fixed();
  const std::string admin_name = AdminListener::name_of(fixed.admin_address);
  UniqueFd admin;
  if (succession_) {
    for (auto& [name, sockets] : succession_->sockets()) {
      if (!name.starts_with(AdminListener::name_of(""))) {
        gateway_.listeners_.inherit(name, std::move(sockets));
      } else if (name == admin_name && !sockets.empty()) {
        admin = std::move(sockets.front());
      }
    }
  }
  auto opened = gateway_.deployment_.open_listeners();
  if (!opened) return opened.error();
  sockets_ = std::move(*opened);
  Status status = gateway_.admin_.open(fixed, gateway_.deployment_.config().admin,
                                       gateway_.deployment_.kept().tls, std::move(admin));
  if (status && options_.welcome.empty() && gateway_.admin_.fd() >= 0)
    say("admin on " + SocketAddress::of_socket(gateway_.admin_.fd()).to_string());
  return status;
}

// Everything that only root may open is open by now.
Status Startup::give_up_privileges() {
  if (!identity_) return {};
  const config::Config& config = gateway_.deployment_.config();
  load_certificates(config, gateway_.deployment_.kept().tls);
  gateway_.listeners_.give_to(identity_->user, identity_->group);
  unsigned first_free = 1024;
  std::ifstream("/proc/sys/net/ipv4/ip_unprivileged_port_start") >> first_free;
  const bool low = std::any_of(config.listeners.begin(), config.listeners.end(), [&](const auto& one) {
    const uint16_t port = SocketAddress::parse(one.address)->port();
    return port != 0 && port < first_free;
  });
  if (Status became = become(*identity_, low ? LowPorts::kKept : LowPorts::kNoMore); !became) return became;
  set_core_dumps(options_.core_dumps);  // anew: changing the user has an effect on them
  say("running as the user `" + identity_->name + "`" + (low ? ", which may bind low ports" : ""));
  return {};
}

Status Startup::start_workers() {
  Deployment& deployment = gateway_.deployment_;
  const size_t workers = deployment.workers();
  if (Status opened = gateway_.logs_.open_access(deployment.fixed().access_log, workers); !opened)
    return opened;
  gateway_.logs_.start_traces(deployment.fixed().traces, workers);
  deployment.metrics().set_config_version(deployment.version());
  gateway_.fleet_.start(deployment.snapshot(), std::move(sockets_), gateway_.names_.known(),
                        deployment.metrics(), gateway_.logs_,
                        [this_loop = &gateway_.loop_] { this_loop->stop(); });
  gateway_.fleet_.watch_load(
      [&deployment]() -> const config::Overload& { return deployment.config().overload; });
  return {};
}

// Tells the predecessor, if there is one, to drain: this process serves.
Status Startup::take_over() {
  // Before that the service manager has to know its new main process.
  gateway_.manager_.ready(serving_line(gateway_.deployment_.version()));
  if (!succession_) return {};
  say("took over from the process that served before");
  if (Status confirmed = succession_->confirm(); !confirmed) return confirmed;
  gateway_.listeners_.own_inherited();
  gateway_.admin_.own_file();
  return {};
}

void Startup::greet() const {
  if (!options_.welcome.empty()) return say_page(options_.welcome);
  for (const proxy::ListenerSettings& listener : gateway_.deployment_.snapshot()->listeners)
    say("listening on " + listener.address.to_string() + " (" + listener.name + ")");
}

StartOutcome Startup::run() {
  Deployment& deployment = gateway_.deployment_;
  if (fails(prepare_process()) || fails(choose_user())) return StartOutcome::kCouldNot;
  auto config = load();
  if (!config) return StartOutcome::kBadConfiguration;
  if (fails(check_addresses(*config))) return StartOutcome::kCouldNot;
  deployment.fix_settings(*config);
  if (fails(check_descriptor_limit(deployment.workers(), config->listeners.size())) ||
      fails(open_files(*config)) || fails(deployment.begin(std::move(*config))))
    return StartOutcome::kCouldNot;
  // No client is served yet, so the first answers about names may come first.
  run_to_end(gateway_.loop_, gateway_.names_.settle());
  if (fails(find_predecessor())) return StartOutcome::kCouldNot;
  // What comes before is handled once the gateway serves.
  gateway_.signals_ = std::make_unique<SignalWatch>(
      gateway_.loop_, [&gateway = gateway_](int signal) { gateway.receive_signal(signal); });
  gateway_.quit_.set_stop([&gateway = gateway_] {
    gateway.loop_.post([&gateway] { gateway.stop(SIGQUIT, Gateway::StoppedBy::kSignal); });
  });
  if (fails(open_addresses()) || fails(give_up_privileges()) ||
      fails(gateway_.upgrader_.prepare(options_.upgrade_socket_path)) || fails(start_workers()) ||
      fails(gateway_.upgrader_.listen()))
    return StartOutcome::kCouldNot;
  if (succession_ && fails(succession_->check())) return StartOutcome::kCouldNot;
  gateway_.manager_.watch(gateway_.loop_, gateway_.fleet_);
  if (fails(take_over())) return StartOutcome::kCouldNot;
  gateway_.config_service_.open();
  greet();
  return StartOutcome::kServing;
}

StartOutcome Gateway::start() {
  StartOutcome outcome = StartOutcome::kCouldNot;
  try {
    outcome = Startup(*this).run();
  } catch (const std::system_error& problem) {  // a thread or a loop that the system does not allow
    say(Level::kError, problem.what());
  }
  if (outcome == StartOutcome::kServing) return outcome;
  listeners_.close(ListenerSet::Files::kRemoved);
  // Workers that have been started may have accepted connections that came to the predecessor's sockets, and
  // those are served to their end.
  if (!fleet_.empty()) {
    admin_.stop_accepting();
    fleet_.drain(deployment_.snapshot()->drain_timeout);
    loop_.run();  // until the last worker has ended
  }
  finish();
  return outcome;
}

}  // namespace portcullis::control

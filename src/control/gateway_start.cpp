// The start of the gateway: the order in which files and addresses are opened, and the user that opens them.

#include <malloc.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>

#include "base/say.h"
#include "base/wall_clock.h"
#include "control/cluster/cluster_drafts.h"
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

// Keeps freed memory in the process. A large configuration needs the memory again at the next reload, and
// fetching it from the kernel page by page is a third of the cost of a reload.
void keep_memory_for_reloads() {
  ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
  ::mallopt(M_MMAP_THRESHOLD, 16 << 20);
}

// Runs the loop until the task has ended. Used before the gateway serves, when nothing else runs the loop.
void run_to_end(EventLoop& loop, Task<void> task) {
  TaskGroup running;
  running.spawn(std::move(task));
  while (!running.empty()) loop.run_once(Milliseconds(60'000));
}

// As run_to_end(), and cancels the task when it takes longer.
void run_until(EventLoop& loop, Task<void> task, Clock::duration patience) {
  const auto end = Clock::now() + patience;
  TaskGroup running;
  running.spawn(std::move(task));
  while (!running.empty() && Clock::now() < end) loop.run_once(Milliseconds(100));
}

Task<void> catch_up(ClusterMember& cluster, Status& out) {
  Task<Status> catching = cluster.catch_up();
  out = co_await catching;
}

Task<void> read_first(ConfigService& service, config::Reading& out) {
  Task<config::Reading> reading = service.read_first();
  out = co_await reading;
}

}  // namespace

// One start of a gateway. Objects that only the start needs are destroyed with this object, so that a
// predecessor learns at once when the start has failed.
class Startup {
 public:
  explicit Startup(Gateway& gateway) : gateway_(gateway), options_(gateway.options_) {}

  StartOutcome run();

 private:
  Status prepare_process();
  void read();
  Status open_store();
  void read_cluster();
  std::optional<config::Config> load();
  bool fall_back(const std::string& why);
  Status try_with(std::optional<config::Config>& config, Status (Startup::*work)(config::Config&));
  Status begin(config::Config& config);
  Status choose_user();
  Status check_addresses(config::Config& config);
  Status open_files(const config::Config& config);
  Status find_predecessor();
  Status open_addresses();
  Status give_up_privileges();
  Status start_workers();
  Status take_over();
  void greet() const;
  // True when another process passes its sockets on to this one.
  bool is_successor() const { return predecessor_ || !options_.upgrade_socket_path.empty(); }

  Gateway& gateway_;
  const RunOptions& options_;
  // The socket to the process that started this one as its successor.
  UniqueFd predecessor_ = take_predecessor_socket();
  std::unique_ptr<Succession> succession_;  // null when there is no predecessor
  config::Reading reading_;                 // of the first configuration
  config::ObjectDocument objects_;          // of the first configuration
  std::optional<Identity> identity_;        // the user to become; nothing when the process keeps its user
  std::vector<proxy::ListenerSockets> sockets_;  // the sockets of each worker
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
  if (found->is_current()) return {};  // this process is the successor of a process that has become that user
  identity_ = std::move(*found);
  return take_groups(*identity_);
}

void Startup::read() {
  if (options_.watch_files) gateway_.config_service_.follow_origin();
  run_to_end(gateway_.loop_, read_first(gateway_.config_service_, reading_));
}

// Opens the store of revisions, as the user that the process becomes.
Status Startup::open_store() {
  if (!reading_.document) return {};
  config::Diagnostics mistakes;  // which are told when all of the configuration is loaded
  const auto settings = config::store_of(*reading_.document, mistakes);
  if (!settings) return {};
  const ActingAs user(identity_ ? &*identity_ : nullptr);
  if (!user.status()) return user.status();
  const config::Node node = config::node_of(*reading_.document);
  auto ledger = open_ledger(
      gateway_.loop_, *settings,
      [this, &node](RevisionStore& store) {
        gateway_.node_.id = choose_node_id(node, store);
        return gateway_.node_.id;
      },
      gateway_.cluster_surroundings(), gateway_.cluster_);
  if (!ledger) return ledger.error();
  if (gateway_.cluster_) {
    gateway_.canary_.judge_elsewhere();
    gateway_.drafts_.keep_in(std::make_unique<ClusterDrafts>(*gateway_.cluster_));
    read_cluster();
  }
  return gateway_.publisher_.open(std::move(*ledger));
}

// Reads the newest revision of the cluster into the store. Without it, the store's own newest one is served.
// What takes long goes on when this node serves.
void Startup::read_cluster() {
  constexpr std::chrono::seconds kPatience{10};
  Status caught = Error{"etcd takes long, and is read further when this node serves"};
  run_until(gateway_.loop_, catch_up(*gateway_.cluster_, caught), kPatience);
  if (!caught)
    say(Level::kWarning, "the cluster's newest revision cannot be read, so this node serves what its store " +
                             std::string("has: ") + caught.error().message);
}

std::optional<config::Config> Startup::load() {
  ConfigService::Loaded loaded = gateway_.config_service_.load_first(std::move(reading_));
  if (!loaded.config && fall_back("the configuration has errors with it")) {
    print_diagnostics(loaded.diagnostics);
    loaded = gateway_.config_service_.load_first(std::move(reading_));
  }
  if (loaded.config) set_process_log(loaded.config->process_log);
  print_diagnostics(loaded.diagnostics);
  objects_ = std::move(loaded.objects);
  return std::move(loaded.config);
}

// When this node cannot serve the newest revision, it serves the one that it has served last, if that is
// another one. The configuration is then read again.
bool Startup::fall_back(const std::string& why) {
  const auto fell_back = gateway_.publisher_.fall_back(why);
  if (!fell_back || !*fell_back) return false;
  run_to_end(gateway_.loop_, read_first(gateway_.config_service_, reading_));
  return true;
}

// Does `work` with the configuration, and once more with that of the revision that this node has served last.
Status Startup::try_with(std::optional<config::Config>& config, Status (Startup::*work)(config::Config&)) {
  Status done = (this->*work)(*config);
  if (done || !fall_back(done.error().message)) return done;
  say(Level::kError, gateway_.publisher_.last_error());
  config = load();
  return config ? (this->*work)(*config) : done;
}

// Compiles the first revision and puts it in force. A store that cannot be written to does not keep the
// gateway from serving.
Status Startup::begin(config::Config& config) {
  Publisher& publisher = gateway_.publisher_;
  Status begun = gateway_.deployment_.begin(std::move(config), publisher.first_revision(objects_));
  if (!begun) return begun;
  if (const Status stored = publisher.begin(std::move(objects_)); !stored)
    say(Level::kError, "the revision is served, and could not be stored: " + stored.error().message);
  return begun;
}

// Fails early when another process serves the addresses: before waiting for names and before opening files.
Status Startup::check_addresses(config::Config& config) {
  if (is_successor()) return {};  // the sockets of the predecessor are passed on
  std::vector<std::string> addresses;
  for (const config::Listener& one : config.listeners) addresses.push_back(one.address);
  if (config.admin.enabled()) addresses.push_back(config.admin.address);
  for (const std::string& address : addresses) {
    if (Status free = check_address_is_free(*SocketAddress::parse(address)); !free) return free;
  }
  return {};
}

// Opens the parts with files of their own, as the user that the process becomes.
Status Startup::open_files(const config::Config& config) {
  const ActingAs user(identity_ ? &*identity_ : nullptr);
  if (!user.status()) return user.status();
  Status opened = gateway_.logs_.open_audit(gateway_.deployment_.fixed().audit_log);
  if (opened) opened = gateway_.deployment_.start_engines(config);
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

// Opens the addresses of the listeners and of the admin listener, or takes the sockets that a predecessor has
// passed on.
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

// Becomes the configured user, after everything that only root may open has been opened.
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
  set_core_dumps(options_.core_dumps);  // set again, because a change of the user resets the flag
  say("running as the user `" + identity_->name + "`" + (low ? ", which may bind low ports" : ""));
  return {};
}

Status Startup::start_workers() {
  Deployment& deployment = gateway_.deployment_;
  const size_t workers = deployment.workers();
  if (Status opened = gateway_.logs_.open_access(deployment.fixed().access_log, workers); !opened)
    return opened;
  gateway_.logs_.start_traces(deployment.fixed().traces, workers);
  gateway_.fleet_.start(deployment.snapshot(), std::move(sockets_), gateway_.names_.known(),
                        deployment.metrics(), gateway_.logs_,
                        [this_loop = &gateway_.loop_] { this_loop->stop(); });
  gateway_.fleet_.watch_load(
      [&deployment]() -> const config::Overload& { return deployment.config().overload; });
  return {};
}

// Tells the predecessor, if there is one, that this process serves, so that the predecessor drains.
Status Startup::take_over() {
  // The service manager must know its new main process before the predecessor ends.
  gateway_.manager_.ready(serving_line(gateway_.deployment_.revision()));
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
  read();
  if (fails(open_store())) return StartOutcome::kCouldNot;
  auto config = load();
  if (!config) return StartOutcome::kBadConfiguration;
  if (fails(try_with(config, &Startup::check_addresses))) return StartOutcome::kCouldNot;
  deployment.fix_settings(*config);
  if (fails(check_descriptor_limit(deployment.workers(), config->listeners.size())) ||
      fails(open_files(*config)) || fails(try_with(config, &Startup::begin)))
    return StartOutcome::kCouldNot;
  // No client is served yet, so the start may wait for the first answers about names.
  run_to_end(gateway_.loop_, gateway_.names_.settle());
  if (fails(find_predecessor())) return StartOutcome::kCouldNot;
  // What is on the disk has missed the purges since this node has served last; a predecessor has missed none.
  if (gateway_.cluster_ && !succession_ && !deployment.config().cache.disk.path.empty())
    empty_caches(deployment.services());
  // Signals that came before are handled now that the gateway serves.
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
  gateway_.node_.since = current_second();
  gateway_.config_service_.open();
  if (gateway_.cluster_) gateway_.cluster_->begin(succession_ != nullptr);
  gateway_.canary_keeper_.resume();
  greet();
  return StartOutcome::kServing;
}

StartOutcome Gateway::start() {
  StartOutcome outcome = StartOutcome::kCouldNot;
  try {
    outcome = Startup(*this).run();
  } catch (const std::system_error& problem) {  // thrown when the system allows no further thread or loop
    say(Level::kError, problem.what());
  }
  if (outcome == StartOutcome::kServing) return outcome;
  listeners_.close(ListenerSet::Files::kRemoved);
  // Workers that have been started may have accepted connections from the predecessor's sockets; these
  // connections are served to their end.
  if (!fleet_.empty()) {
    admin_.stop_accepting();
    fleet_.drain(deployment_.snapshot()->drain_timeout);
    loop_.run();  // returns after the last worker has ended
  }
  finish();
  return outcome;
}

}  // namespace portcullis::control

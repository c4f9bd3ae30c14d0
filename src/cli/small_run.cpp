#include "cli/small_run.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/unique_fd.h"
#include "cli/api_key.h"
#include "cli/output.h"
#include "cli/small_setup.h"
#include "control/say.h"
#include "runtime/address.h"
#include "runtime/socket_owner.h"

namespace portcullis::cli {
namespace {

// The name of the configuration in messages and in the dashboard.
constexpr const char* kConfigName = "command line";
constexpr int kPortsToTry = 50;
// Passes choices to the successor that this process starts during an upgrade: values that were not on the
// command line but chosen at the start.
constexpr const char* kChosenKeyHash = "PORTCULLIS_CHOSEN_KEY_HASH";
constexpr const char* kChosenDashboard = "PORTCULLIS_CHOSEN_DASHBOARD";
constexpr uint16_t kFirstOpenPort = 8080;  // suggested instead of a port that requires privileges

AllAddresses all_addresses() {
  const UniqueFd fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  int only = 1;
  socklen_t size = sizeof only;
  if (!fd || ::getsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, &size) != 0 || only != 0)
    return AllAddresses::kIpv4;
  return AllAddresses::kDualStack;
}

// True when a serving process has started this one, with the same command line, and passes its sockets on.
bool is_started_by_predecessor() {
  return std::getenv("PORTCULLIS_PREDECESSOR") != nullptr;
}

// The predecessor's choice in `variable`; "" in a process without predecessor.
std::string chosen_before(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && is_started_by_predecessor() ? value : "";
}

// Call before any thread is started.
void keep_choice(const char* variable, const std::string& value) {
  value.empty() ? ::unsetenv(variable) : ::setenv(variable, value.c_str(), 1);
}

// 0, or the errno of a bind() to the address.
int bind_problem(const SocketAddress& address) {
  const UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return errno;
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  return ::bind(fd.get(), address.data(), address.length()) == 0 ? 0 : errno;
}

// The first free address among this port and the following ones.
std::optional<SocketAddress> find_free(SocketAddress address) {
  const int first = address.port(), last = std::min(65'535, first + kPortsToTry);
  for (int port = first; port <= last; ++port) {
    address.set_port(static_cast<uint16_t>(port));
    if (bind_problem(address) == 0) return address;
  }
  return std::nullopt;
}

std::optional<SocketAddress> next_free(SocketAddress address) {
  if (address.port() == 65'535) return std::nullopt;
  address.set_port(static_cast<uint16_t>(address.port() + 1));
  return find_free(address);
}

std::string advice(const std::string& option, const std::optional<SocketAddress>& free) {
  if (!free) return "";
  const bool all = free->host() == "::" || free->host() == "0.0.0.0";
  return " - try `" + option + " " + (all ? ":" + std::to_string(free->port()) : free->to_string()) + "`";
}

// Whether `option` can be served at `address`; the error suggests an alternative.
Status check_free(const std::string& option, const SocketAddress& address) {
  if (address.is_unix()) return {};
  const int problem = bind_problem(address);
  const std::string where = option + ": " + address.to_string() + " ";
  switch (problem) {
    case 0: return {};
    case EADDRINUSE: {
      const std::string owner = describe_owner(address);
      return Error{where + "is taken" + (owner.empty() ? "" : ": " + owner) +
                   advice(option, next_free(address))};
    }
    case EACCES: {
      SocketAddress open = address;
      open.set_port(kFirstOpenPort);
      return Error{where + "has a port below 1024, which needs root or CAP_NET_BIND_SERVICE" +
                   advice(option, find_free(open))};
    }
    case EADDRNOTAVAIL: return Error{where + "is not an address of this machine"};
    default: return Error{where + "cannot be bound: " + std::strerror(problem)};
  }
}

// Prints each line of `problems`. Returns the exit code.
int usage_errors(const std::string& problems) {
  const size_t last = problems.rfind('\n');
  if (last != std::string::npos) {
    for (size_t from = 0; from < last;) {
      const size_t end = problems.find('\n', from);
      std::fprintf(stderr, "portcullis run: %s\n", problems.substr(from, end - from).c_str());
      from = end + 1;
    }
  }
  return usage_error("run", last == std::string::npos ? problems : problems.substr(last + 1));
}

}  // namespace

std::vector<Option> SmallRun::options() {
  return {
      {.names = "--to",
       .value = "TARGET",
       .summary = "Serve this application, without a configuration file: host:port, a port of this machine, "
                  "http://host:port, https://host or unix:/path. With several applications, one that fails "
                  "gets no requests for a while",
       .target = &options_.to},
      {.names = "--listen",
       .value = "ADDRESS",
       .summary = "With --to: the address at which the application is served. The default is 127.0.0.1:8080, "
                  "which only this machine can reach; :8080 serves all addresses of this machine",
       .target = &options_.listen},
      {.names = "--domain",
       .value = "NAME",
       .summary = "With --to: serve this host, such as api.example.com or *.example.com, and answer requests "
                  "for other hosts with 404. May be repeated",
       .target = &options_.domains},
      {.names = "--key",
       .value = "[KEY]",
       .summary = "With --to: requests need this API key in the header X-API-Key. KEY is a key, or its hash "
                  "(sha256:...); without KEY the gateway makes a key, and shows it once",
       .target = &options_.key},
      {.names = "--rate",
       .value = "RATE",
       .summary = "With --to: limit the requests of each client address, or with --key of each consumer, "
                  "such as 100/min",
       .target = &options_.rate},
      {.names = "--cache",
       .value = "[SIZE]",
       .summary = "With --to: store responses that allow it, in at most this much memory, such as 256MiB. "
                  "The default is 64MiB",
       .target = &options_.cache},
      {.names = "--dashboard",
       .value = "ADDRESS",
       .summary = "With --to: the address of the dashboard and the metrics. The default is 127.0.0.1:9080, "
                  "or the next port that is free",
       .target = &options_.dashboard},
      {.names = "--no-dashboard", .summary = "With --to: no dashboard", .target = &options_.no_dashboard},
      {.names = "--print",
       .summary = "With --to: print the configuration for which the options stand, and exit",
       .target = &print_}};
}

std::string SmallRun::misplaced_option() const {
  if (is_asked_for()) return "";
  if (!options_.listen.empty()) return "--listen";
  if (!options_.domains.empty()) return "--domain";
  if (options_.key) return "--key";
  if (!options_.rate.empty()) return "--rate";
  if (options_.cache) return "--cache";
  if (!options_.dashboard.empty()) return "--dashboard";
  if (options_.no_dashboard) return "--no-dashboard";
  return print_ ? "--print" : "";
}

Result<SmallPlan> SmallRun::plan(const control::RunOptions& run) {
  if (run.watch_files) return Error{"--watch: with `--to` there are no files to watch"};
  if (options_.key && options_.key->empty()) {
    if (!run.upgrade_socket_path.empty())
      return Error{
          "--key: with `--upgrade-socket`, `--key` needs a key or its hash, because each start without one "
          "would make another key; `portcullis generate-key` prints both"};
    options_.key = chosen_before(kChosenKeyHash);
    if (options_.key->empty()) options_.key = made_key_ = make_api_key("");
  }
  if (options_.dashboard.empty() && !options_.no_dashboard)
    options_.dashboard = chosen_before(kChosenDashboard);
  return plan_small_setup(options_, all_addresses());
}

// Refuses addresses that are in use, and chooses another dashboard address when none was given.
Status SmallRun::find_ports(SmallPlan& plan) {
  if (Status free = check_free("--listen", *SocketAddress::parse(plan.listen)); !free) return free;
  if (plan.dashboard.empty()) return {};
  const SocketAddress dashboard = *SocketAddress::parse(plan.dashboard);
  Status free = check_free("--dashboard", dashboard);
  if (free || !options_.dashboard.empty()) return free;
  const auto next = next_free(dashboard);
  if (!next) return free;
  moved_from_ = plan.dashboard;
  plan.dashboard = options_.dashboard = next->to_string();
  return {};
}

std::optional<int> SmallRun::prepare(control::RunOptions& run) {
  auto plan = this->plan(run);
  if (!plan) return usage_errors(plan.error().message);
  if (made_key_.empty() && options_.key && !options_.key->starts_with("sha256:") &&
      is_guessable_key(*options_.key))
    control::say(
        Level::kWarning,
        "--key: this key is short enough to be guessed; `portcullis generate-key` makes better ones");
  // A successor takes over the predecessor's addresses.
  if (!print_ && run.upgrade_socket_path.empty() && !is_started_by_predecessor()) {
    if (const Status found = find_ports(*plan); !found)
      return fail("run", {kCouldNot, found.error().message}, OutputFormat::kText);
  }
  const std::string command = command_of(options_, *plan);
  run.config_path = kConfigName;
  run.config_text = yaml_of(*plan, command + " --print");
  if (print_) {
    if (!made_key_.empty())
      control::say("the API key is " + made_key_ + " (shown once; the configuration has its hash)");
    std::fputs(run.config_text->c_str(), stdout);
    return kGood;
  }
  const bool made = !made_key_.empty() || !chosen_before(kChosenKeyHash).empty();
  keep_choice(kChosenKeyHash, made ? plan->key_hash : "");
  const bool moved = !moved_from_.empty() || !chosen_before(kChosenDashboard).empty();
  keep_choice(kChosenDashboard, moved ? plan->dashboard : "");
  run.welcome = welcome_of(*plan, command, made_key_, moved_from_);
  return std::nullopt;
}

}  // namespace portcullis::cli

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/enum_names.h"
#include "base/wall_clock.h"
#include "cli/commands.h"
#include "cli/config_choice.h"
#include "cli/reach.h"
#include "control/gateway.h"
#include "control/load_config.h"
#include "limits/redis_probe.h"
#include "policy/registry.h"
#include "runtime/acceptor.h"
#include "runtime/processors.h"
#include "runtime/socket_owner.h"

namespace portcullis::cli {
namespace {

constexpr const char* kTracing = "tracing";  // never a fault: serving does not depend on tracing

enum class Verdict { kGood, kWarning, kFault };
constexpr auto names_of(Verdict) {
  return std::to_array<EnumName<Verdict>>(
      {{Verdict::kGood, "good"}, {Verdict::kWarning, "warning"}, {Verdict::kFault, "fault"}});
}

struct Finding {
  Verdict verdict;
  std::string topic;
  std::string text;
};

// The findings so far.
class Findings {
 public:
  void good(std::string topic, std::string text) {
    all_.push_back({Verdict::kGood, std::move(topic), std::move(text)});
  }
  void warning(std::string topic, std::string text) {
    all_.push_back({Verdict::kWarning, std::move(topic), std::move(text)});
  }
  void fault(std::string topic, std::string text) {
    all_.push_back({Verdict::kFault, std::move(topic), std::move(text)});
  }

  // Prints all findings and returns the exit code.
  int print(OutputFormat format) const {
    const bool faulty = std::any_of(all_.begin(), all_.end(),
                                    [](const Finding& one) { return one.verdict == Verdict::kFault; });
    nlohmann::json told{{"good", !faulty}, {"findings", nlohmann::json::array()}};
    for (const Finding& one : all_) {
      const std::string verdict(portcullis::name_of(one.verdict));
      told["findings"].push_back({{"verdict", verdict}, {"topic", one.topic}, {"text", one.text}});
      if (format == OutputFormat::kText)
        std::printf("%-8s %-12s %s\n", verdict.c_str(), one.topic.c_str(), one.text.c_str());
    }
    if (format == OutputFormat::kJson) print_json(told);
    return faulty ? kWrong : kGood;
  }

 private:
  std::vector<Finding> all_;
};

void check_descriptors(const config::Config& config, Findings& findings) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  // A client connection needs one descriptor, and mostly another one for a connection to a target.
  uint64_t wanted = 0;
  for (const config::Listener& one : config.listeners) wanted += 2 * one.limits.connections;
  const std::string has = "at most " + std::to_string(limit.rlim_max) + " file descriptors (ulimit -Hn)";
  if (wanted > limit.rlim_max) {
    findings.warning("descriptors",
                     has + "; as many connections as the listeners allow need " + std::to_string(wanted));
  } else if (limit.rlim_max < 8192) {
    findings.warning("descriptors", has + ": too few for more than some thousand connections");
  } else {
    findings.good("descriptors", has);
  }
}

void check_kernel(Findings& findings) {
  size_t backlog = 0;
  if (std::ifstream("/proc/sys/net/core/somaxconn") >> backlog && backlog < 1024)
    findings.warning("kernel", "net.core.somaxconn is " + std::to_string(backlog) +
                                   ": bursts of new connections overflow the queue");
  unsigned first = 0, last = 0;
  if (std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> first >> last && last - first < 16'384)
    findings.warning("kernel", "net.ipv4.ip_local_port_range has " + std::to_string(last - first) +
                                   " ports for connections to each target");
}

void check_processors(const config::Config& config, Findings& findings) {
  const size_t workers = config.workers != 0 ? config.workers : default_workers();
  const double allowed = usable_processors();
  char text[96];
  std::snprintf(text, sizeof text, "%zu workers on %.3g processors", workers, allowed);
  if (static_cast<double>(workers) >= allowed + 1) {
    findings.warning("workers", std::string(text) +
                                    ": workers that share a processor wait for each other; set `workers` to "
                                    "the number of processors");
  } else {
    findings.good("workers", text);
  }
}

// A running gateway at this address is expected, so a used address is only a warning.
void report_owner(const std::string& topic, const SocketAddress& address, Findings& findings) {
  const std::vector<ListeningSocket> sockets = sockets_listening_at(address);
  const SocketOwner owner = sockets.empty() ? SocketOwner() : owner_of(sockets.front());
  const std::string who = describe_owner(address);
  const std::string text = address.to_string() + " is in use" + (who.empty() ? "" : ": " + who);
  if (owner.process == 0) {
    findings.warning(topic, text + "; if that is not this gateway, it cannot start");
  } else if (owner.name == "portcullis") {
    findings.warning(topic, text + "; a second gateway cannot start there, only an upgrade");
  } else {
    findings.fault(topic, text);
  }
}

void check_port(const std::string& topic, const std::string& text, Findings& findings) {
  const auto address = SocketAddress::parse(text);
  if (!address) return;
  if (address->is_unix()) {
    const std::filesystem::path path = text.substr(std::string_view("unix:").size());
    const std::filesystem::path folder = path.parent_path();
    std::error_code error;
    if (::access(folder.empty() ? "." : folder.c_str(), W_OK) != 0)
      return findings.fault(
          topic, text + ": " + std::strerror(errno) + " (the gateway cannot create files in the folder)");
    if (std::filesystem::exists(path, error) && !std::filesystem::is_socket(path, error))
      return findings.fault(
          topic,
          text + ": there is a file at this path that is not a socket; the gateway does not remove it");
    if (is_unix_socket_alive(*address)) return report_owner(topic, *address, findings);
    return findings.good(topic, text + " is free");
  }
  UniqueFd fd(::socket(address->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), address->data(), address->length()) == 0)
    return findings.good(topic, text + " is free");
  switch (errno) {
    case EADDRINUSE: return report_owner(topic, *address, findings);
    case EACCES:
      return findings.fault(topic, text + " may not be bound by this user: it needs CAP_NET_BIND_SERVICE");
    case EADDRNOTAVAIL: return findings.fault(topic, text + " is not an address of this machine");
    default: return findings.fault(topic, text + ": " + std::strerror(errno));
  }
}

// The configuration's check warns during the last two weeks; here every certificate is listed.
void check_certificates(const config::ListenerTls& tls, const std::string& listener, Findings& findings) {
  tls::Certificates certificates([](Level, const std::string&) {});
  constexpr int kSoon = 30;  // days
  for (const config::TlsCertificate& told : tls.certificates) {
    const auto entry = certificates.get(
        {told.location.beside(told.cert), told.location.beside(told.key), told.location.beside(told.ocsp)});
    const auto loaded = entry->load();
    const std::string name = listener + ": " + told.cert;
    if (!loaded) {
      findings.fault("certificate", name + ": " + loaded.error().message);
      continue;
    }
    const auto left =
        std::chrono::floor<std::chrono::hours>((*loaded)->not_after() - current_second()).count() / 24;
    if (left < 0) {
      findings.fault("certificate", name + " has expired");
    } else if (left < kSoon) {
      findings.warning("certificate", name + " expires in " + std::to_string(left) + " days");
    } else {
      findings.good("certificate", name + " is valid for " + std::to_string(left) + " days");
    }
  }
}

void check_file(const std::string& topic, const std::string& path, Findings& findings) {
  if (path.empty() || path == "stdout" || path == "stderr" || path == "journald" ||
      path.starts_with("syslog"))
    return;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (std::filesystem::is_directory(path, error))
    return findings.fault(topic, path + " is a folder, not a file");
  const bool there = ::access(path.c_str(), F_OK) == 0;
  const std::string place = there ? path : folder.empty() ? "." : folder.string();
  if (::access(place.c_str(), W_OK) == 0) return findings.good(topic, path + " can be written");
  findings.fault(topic, path + ": " + std::strerror(errno));
}

// Space used by stored responses counts as free, because a starting gateway takes them over.
void check_cache_disk(const config::CacheDisk& disk, Findings& findings) {
  if (disk.path.empty()) return;
  namespace fs = std::filesystem;
  const fs::path path = disk.path;
  std::error_code error;
  const fs::path place = fs::exists(path, error) ? path : path.has_parent_path() ? path.parent_path() : ".";
  if (::access(place.c_str(), W_OK) != 0)
    return findings.fault("cache", disk.path + ": " + std::strerror(errno));
  const fs::space_info space = fs::space(place, error);
  if (error) return findings.fault("cache", disk.path + ": " + error.message());
  uint64_t room = space.available;
  fs::recursive_directory_iterator at(path, error), end;
  for (; !error && at != end; at.increment(error)) {
    std::error_code gone;  // a running gateway may remove the file meanwhile
    const uint64_t size = at->path().extension() == ".body" ? at->file_size(gone) : 0;
    if (!gone) room += size;
  }
  const std::string told = disk.path + " has free space for " + std::to_string(room >> 20) + " MiB";
  if (room >= disk.size) return findings.good("cache", told);
  findings.warning("cache", told + ", less than its `size`: responses that do not fit are not stored");
}

// Returns "host:port" for "http://[user@]host[:port]/path".
std::string place_of(const std::string& url) {
  const size_t scheme = url.find("://");
  std::string authority = url.substr(scheme + 3, url.find_first_of("/?#", scheme + 3) - scheme - 3);
  authority.erase(0, authority.rfind('@') + 1);
  const bool has_port = authority.rfind(':') != std::string::npos && !authority.ends_with(']');
  return has_port ? authority : authority + (url.starts_with("https") ? ":443" : ":80");
}

// Adds the servers that policies ask, each once.
void add_policies(const config::PolicyList& list, const config::PolicySets& sets,
                  std::set<std::pair<std::string, std::string>>& asked) {
  sets.for_each_policy(list, [&](const config::PolicyUse& use, const config::PolicySet*) {
    for (const std::string& url : policy::insight_of(use).asks) asked.emplace(use.name, place_of(url));
  });
}

void add_servers(const config::Config& config, Reach& reach) {
  for (const config::Upstream& upstream : config.upstreams) {
    for (const config::Target& target : upstream.targets) reach.add_target(upstream.name, target.address);
    const config::Discover& discover = upstream.discover;
    if (!discover.consul.service.empty())
      reach.add_server("discovery", upstream.name, place_of(discover.consul.url));
    if (discover.etcd.prefix.empty()) continue;
    for (const std::string& url : discover.etcd.urls)
      reach.add_server("discovery", upstream.name, place_of(url));
  }
  std::set<std::pair<std::string, std::string>> asked;
  const config::PolicySets sets(config.policy_sets);
  add_policies(config.policies, sets, asked);
  for (const config::Route& route : config.routes) add_policies(route.policies, sets, asked);
  for (const auto& [policy, place] : asked) reach.add_server(policy, "", place);
  if (!config.tracing.endpoint.empty()) reach.add_server(kTracing, "", place_of(config.tracing.endpoint));
}

void check_neighbours(const config::Config& config, Findings& findings) {
  Reach reach(config.dns.servers);
  add_servers(config, reach);
  const std::vector<Reach::Outcome>& outcomes = reach.run();
  std::set<std::pair<std::string_view, std::string_view>> reached;  // pairs of topic and group
  for (const Reach::Outcome& one : outcomes) {
    if (one.why.empty()) reached.emplace(one.topic, one.group);
  }
  for (const Reach::Outcome& one : outcomes) {
    const std::string place = (one.group.empty() ? "" : one.group + ": ") + one.place;
    const bool another_serves = !one.group.empty() && reached.contains({one.topic, one.group});
    if (one.why.empty()) {
      findings.good(one.topic, place + " answers");
    } else if (another_serves || one.topic == kTracing) {
      findings.warning(one.topic, place + ": " + one.why);
    } else {
      findings.fault(one.topic, place + ": " + one.why);
    }
  }
}

// A server that answers may still refuse commands that limits and quotas need.
void check_redis(const config::Config& config, Findings& findings) {
  const redis::Settings told = config::settings_of(config.redis);
  if (!told.configured()) return;
  const Status probed = limits::probe_redis(
      told, config.quotas.redis ? limits::RedisUse::kLimitsAndQuotas : limits::RedisUse::kLimits);
  if (probed) return findings.good("redis", told.in_words() + " answers, and accepts writes");
  findings.fault("redis", told.in_words() + ": " + probed.error().message);
}

struct DoctorSettings {
  ConfigChoice config;
  bool json = false;
};

int doctor(const DoctorSettings& settings) {
  Failure failure;
  const auto path = settings.config.path(failure);
  if (!path) return fail("doctor", failure, format_of(settings.json));
  Findings findings;
  config::Diagnostics diagnostics;
  const auto config = control::load_config(*path, diagnostics);
  for (const config::Diagnostic& one : diagnostics.sorted()) {
    const std::string text = one.to_string();
    one.severity == config::Severity::kError ? findings.fault("configuration", text)
                                             : findings.warning("configuration", text);
  }
  if (config) {
    findings.good("configuration", *path + ": " + std::to_string(config->routes.size()) + " routes");
    check_processors(*config, findings);
    check_descriptors(*config, findings);
    check_kernel(findings);
    for (const config::Listener& one : config->listeners) check_port("listener", one.address, findings);
    if (config->admin.enabled()) check_port("admin", config->admin.address, findings);
    for (const config::Listener& one : config->listeners) check_certificates(one.tls, one.name, findings);
    check_certificates(config->admin.tls, "admin", findings);
    check_file("access_log", config->access_log.path, findings);
    check_file("audit_log", config->audit_log.path, findings);
    check_file("quotas", config->quotas.file, findings);
    check_cache_disk(config->cache.disk, findings);
    check_neighbours(*config, findings);
    check_redis(*config, findings);
  }
  return findings.print(format_of(settings.json));
}

}  // namespace

Command doctor_command() {
  auto settings = std::make_shared<DoctorSettings>();
  return {.name = "doctor",
          .summary = "Look for problems of this machine that keep a configuration from working",
          .description =
              "The command checks the configuration itself, limits of the kernel and of the process, "
              "addresses to bind, certificates that expire soon, files to write, and whether targets and "
              "servers can be reached, including those that policies ask. It also writes a key to Redis, "
              "which expires by itself. "
              "The output has one line for each finding.",
          .operands = {config_operand(settings->config)},
          .options = {config_option(settings->config), json_option(settings->json)},
          .environment = {config_variable()},
          .exits = {{kGood, "there is no fault; there may be warnings"},
                    {kWrong, "there is a fault: a finding says `fault`"},
                    {kCouldNot, "the configuration cannot be read"}},
          .examples = {{"portcullis doctor gateway.yaml", "For people"},
                       {"portcullis doctor --json gateway.yaml", "For programs"}},
          .run = [settings] { return doctor(*settings); }};
}

}  // namespace portcullis::cli

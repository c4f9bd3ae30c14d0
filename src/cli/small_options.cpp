#include "cli/small_options.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "base/text.h"
#include "cli/api_key.h"
#include "cli/plain_text.h"
#include "config/field_types.h"
#include "config/upstream.h"
#include "config/value_types.h"
#include "runtime/address.h"

namespace portcullis::cli {
namespace {

constexpr std::string_view kUnix = "unix:";

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string did_you_mean(const std::string& text) {
  return " - did you mean " + in_backticks(text) + "?";
}

// The loader's error for `text` as a value of `type`, or "".
template <typename T>
std::string problem_with(const config::Type<T>& type, const std::string& text, T& out) {
  config::YamlNode node;
  node.kind = config::YamlNode::Kind::kScalar;
  node.scalar = text;
  config::Diagnostics diagnostics;
  type.load(node, out, diagnostics);
  return diagnostics.has_errors() ? diagnostics.sorted().front().message : "";
}

// "HTTPS://host" -> {"https", "host"}; no scheme: {"", text}.
struct GivenUrl {
  std::string scheme;
  std::string rest;
};
GivenUrl split_scheme(const std::string& text) {
  const size_t end = text.find("://");
  if (end == std::string::npos) return {"", text};
  return {to_lower(text.substr(0, end)), text.substr(end + 3)};
}

bool has_port(std::string_view text) {
  const size_t close = text.find(']');
  return text.find(':', close == std::string_view::npos ? 0 : close) != std::string_view::npos;
}

Result<std::string> unix_address(const std::string& text) {
  const std::string_view path = std::string_view(text).substr(kUnix.size());
  if (!path.starts_with('/'))
    return Error{in_backticks(text) + ": a socket is named by its whole path, as in `unix:/run/app.sock`"};
  if (path.starts_with("//"))
    return Error{
        in_backticks(text) + " has too many slashes" +
        did_you_mean(std::string(kUnix) + std::string(path.substr(path.find_first_not_of('/') - 1)))};
  if (!is_plain_ascii(path) || path.find("${") != std::string_view::npos)
    return Error{in_backticks(text) +
                 ": the path of a socket must be printable ASCII characters here, without `${`"};
  if (const auto address = SocketAddress::parse(text); !address) return address.error();
  return text;
}

struct GivenTarget {
  std::string address;
  bool tls = false;
  std::string host;  // in the format of a Host field
};

// The address for a `--to` without a scheme: "app:3000", ":3000", "3000".
Result<std::string> target_address(const std::string& text, const GivenUrl& given) {
  std::string rest = given.rest;
  if (is_digits(rest)) rest = ":" + rest;
  if (rest.starts_with(':') && !rest.starts_with("::")) rest = "localhost" + rest;
  if (!has_port(rest)) {
    if (given.scheme.empty())
      return Error{in_backticks(text) + " has no port" + did_you_mean(rest + ":3000")};
    rest += given.scheme == "https" ? ":443" : ":80";
  }
  if (const auto parts = split_host_port(rest); parts && parts->port == 0)
    return Error{in_backticks(text) + ": the port must be 1 to 65535"};
  if (const std::string problem = config::check_target_address(rest); !problem.empty())
    return Error{rest == text ? problem : in_backticks(text) + ": " + problem};
  return rest;
}

Result<GivenTarget> read_target(const std::string& text) {
  if (text.starts_with(kUnix)) {
    const auto address = unix_address(text);
    if (!address) return address.error();
    return GivenTarget{*address, false, ""};
  }
  GivenUrl given = split_scheme(text);
  if (const size_t at = text.rfind('@'); at != std::string::npos) {
    // The text before '@' is mostly a password, which no message may repeat.
    const std::string host = text.substr(at + 1, text.find_first_of("/?#", at) - at - 1);
    return Error{
        "a target has no user and no password before " + in_backticks(text.substr(at)) +
        " (in a configuration file, `headers` can send `Authorization`)" +
        (host.empty() ? "" : did_you_mean(given.scheme == "https" ? "https://" + host : "http://" + host))};
  }
  if (!given.scheme.empty() && given.scheme != "http" && given.scheme != "https") {
    const bool socket = given.scheme == "ws" || given.scheme == "wss";
    return Error{in_backticks(text) + ": a target speaks `http://` or `https://`" +
                 (socket ? ", and WebSocket passes through either" : "") +
                 did_you_mean((given.scheme == "wss" ? "https://" : "http://") + given.rest)};
  }
  if (given.rest.ends_with('/')) given.rest.pop_back();
  if (const size_t path = given.rest.find_first_of("/?#"); path != std::string::npos) {
    const std::string host = given.rest.substr(0, path);
    const std::string fixed = given.scheme.empty() ? host : given.scheme + "://" + host;
    return Error{
        in_backticks(text) +
        ": a target has no path, requests keep their own (`rewrite` in a configuration file changes it)" +
        (host.empty() ? "" : did_you_mean(fixed))};
  }
  const auto address = target_address(text, given);
  if (!address) return address.error();
  GivenTarget out{*address, given.scheme == "https", ""};
  // A TLS service often shares its address with others and is identified by its host name.
  if (const HostPort parts = *split_host_port(*address); out.tls && !SocketAddress::parse(*address))
    out.host = parts.port == 443 ? parts.host : *address;
  return out;
}

Result<std::string> read_listen(const std::string& text, AllAddresses all_addresses) {
  if (text.starts_with(kUnix)) return unix_address(text);
  const GivenUrl given = split_scheme(text);
  std::string rest = given.rest;
  if (rest.ends_with('/')) rest.pop_back();
  if (given.scheme == "https")
    return Error{
        in_backticks(text) +
        ": TLS needs a certificate, and so a configuration file: `--print` writes one to begin with"};
  if (!given.scheme.empty())
    return Error{in_backticks(text) + ": an address has no scheme" + did_you_mean(rest)};
  if (is_digits(rest)) rest = ":" + rest;
  if (rest.starts_with("*:")) rest.erase(0, 1);
  if (!has_port(rest)) return Error{in_backticks(text) + " has no port" + did_you_mean(rest + ":8080")};
  const std::string port = rest.substr(rest.rfind(':'));
  if (rest.starts_with(':') && rest.find(':', 1) == std::string::npos)
    rest = (all_addresses == AllAddresses::kDualStack ? "[::]" : "0.0.0.0") + port;
  if (to_lower(rest).starts_with("localhost:")) rest = "127.0.0.1" + port;
  const auto parts = split_host_port(rest);
  if (!parts)
    return Error{rest == text ? parts.error().message : in_backticks(text) + ": " + parts.error().message};
  if (parts->port == 0) return Error{in_backticks(text) + ": the port must be 1 to 65535"};
  const auto address = SocketAddress::parse(rest);
  if (!address)
    return Error{in_backticks(text) + ": `" + parts->host + "` is not an IP address of this machine" +
                 did_you_mean(port) + " (`--domain` limits the hosts that are served)"};
  return address->to_string();
}

Result<std::string> read_domain(const std::string& text) {
  const GivenUrl given = split_scheme(text);
  const std::string host = given.rest.substr(0, given.rest.find_first_of("/:?#"));
  const std::string name = to_lower(host);
  const bool good =
      !name.empty() && name.size() <= 253 && name.front() != '.' && name.find("..") == std::string::npos &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.", name.starts_with("*.") ? 2 : 0) ==
          std::string::npos &&
      name != "*.";
  if (good && host == text) return name;
  return Error{in_backticks(text) +
               " is not a domain: write the name alone, as in `api.example.com` or `*.example.com`" +
               (good ? did_you_mean(name) : "")};
}

Result<std::string> read_rate(const std::string& text) {
  config::Rate rate;
  const std::string problem = problem_with(config::rate(), text, rate);
  if (problem.empty()) return text;
  return Error{problem};
}

Result<std::string> read_cache(const std::string& text) {
  uint64_t bytes = 0;
  const std::string problem = problem_with(config::size(), text, bytes);
  if (problem.empty() && bytes == 0) return Error{"a cache of 0 bytes stores nothing: leave `--cache` out"};
  if (problem.empty()) return text;
  return Error{problem};
}

// Error messages never contain the key.
Result<std::string> read_key(const std::string& text) {
  if (text.starts_with("sha256:")) {
    std::string hash;
    const std::string problem = problem_with(config::key_hash_type(), text, hash);
    if (!problem.empty()) return Error{problem};
    return to_lower(hash);
  }
  if (text.empty())
    return Error{"an empty key does not protect the application: leave the value out, and a key is made"};
  if (const Status usable = check_api_key(text); !usable) return usable.error();
  return hash_of_api_key(text);
}

// Whether a connection to `target` would reach the socket at `listen`, as far as the texts show.
bool is_same_place(const std::string& target, const std::string& listen) {
  if (target == listen) return true;
  const auto to = split_host_port(target);
  const auto at = SocketAddress::parse(listen);
  if (!to || !at || at->is_unix() || to->port != at->port()) return false;
  const bool all_addresses = at->host() == "0.0.0.0" || at->host() == "::";
  if (to->host == "localhost") return all_addresses || at->host() == "127.0.0.1" || at->host() == "::1";
  const auto address = SocketAddress::parse(target);
  if (!address) return false;
  return all_addresses ? address->is_local() : address->host() == at->host();
}

std::string default_dashboard(const SmallPlan& plan) {
  SocketAddress address = *SocketAddress::parse(SmallOptions::kDefaultDashboard);
  const auto is_taken = [&] {
    return is_same_place(address.to_string(), plan.listen) ||
           std::any_of(plan.targets.begin(), plan.targets.end(),
                       [&](const std::string& one) { return is_same_place(one, address.to_string()); });
  };
  while (is_taken()) address.set_port(address.port() + 1);
  return address.to_string();
}

// Collects the error messages.
class Problems {
 public:
  // The value, or an empty text after recording the error.
  std::string take(const char* option, const Result<std::string>& read) {
    if (read) return *read;
    add(option, read.error().message);
    return "";
  }
  void add(const char* option, const std::string& message) {
    text_ += (text_.empty() ? "" : "\n") + std::string(option) + ": ";
    for (const char c : message)
      text_ += c >= ' ' && c != 0x7F ? c : '?';  // each message stays one line, whatever the input
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void read_targets(const SmallOptions& options, SmallPlan& plan, Problems& problems) {
  std::set<std::string> hosts;
  std::string with_tls, without_tls;
  for (const std::string& text : options.to) {
    const auto target = read_target(text);
    if (!target) {
      problems.add("--to", target.error().message);
      continue;
    }
    if (std::find(plan.targets.begin(), plan.targets.end(), target->address) != plan.targets.end())
      problems.add("--to", in_backticks(text) + " is given twice");
    plan.targets.push_back(target->address);
    hosts.insert(target->host);
    (target->tls ? with_tls : without_tls) = text;
  }
  if (!with_tls.empty() && !without_tls.empty())
    problems.add("--to", "all targets must use the same scheme, but " + in_backticks(with_tls) +
                             " uses TLS and " + in_backticks(without_tls) + " does not");
  plan.tls = !with_tls.empty();
  if (hosts.size() == 1) plan.target_host = *hosts.begin();
}

}  // namespace

Result<SmallPlan> plan_small_setup(const SmallOptions& options, AllAddresses all_addresses) {
  SmallPlan plan;
  Problems problems;
  read_targets(options, plan, problems);
  plan.listen = problems.take(
      "--listen",
      read_listen(options.listen.empty() ? SmallOptions::kDefaultListen : options.listen, all_addresses));
  for (const std::string& text : options.domains) {
    const std::string name = problems.take("--domain", read_domain(text));
    if (!name.empty() && std::find(plan.domains.begin(), plan.domains.end(), name) == plan.domains.end())
      plan.domains.push_back(name);
  }
  if (options.key) plan.key_hash = problems.take("--key", read_key(*options.key));
  if (!options.rate.empty()) plan.rate = problems.take("--rate", read_rate(options.rate));
  if (options.cache)
    plan.cache = problems.take(
        "--cache", read_cache(options.cache->empty() ? SmallOptions::kDefaultCacheSize : *options.cache));
  if (!options.dashboard.empty() && options.no_dashboard)
    problems.add("--dashboard", "cannot be combined with `--no-dashboard`");
  if (!options.dashboard.empty()) {
    plan.dashboard = problems.take("--dashboard", read_listen(options.dashboard, all_addresses));
    const auto address = SocketAddress::parse(plan.dashboard);
    if (address && !address->is_local())
      problems.add("--dashboard",
                   in_backticks(options.dashboard) +
                       " can be reached by others than this machine, which needs tokens or TLS, and so a "
                       "configuration file" +
                       did_you_mean("127.0.0.1:" + std::to_string(address->port())));
  }
  if (!problems.text().empty()) return Error{problems.text()};
  for (size_t i = 0; i < plan.targets.size(); ++i) {
    if (is_same_place(plan.targets[i], plan.listen))
      problems.add("--to", in_backticks(options.to[i]) +
                               " is the address at which Portcullis itself listens (`--listen`), so requests "
                               "would loop: choose another address for `--listen`, such as `:8081`");
    if (!plan.dashboard.empty() && is_same_place(plan.targets[i], plan.dashboard))
      problems.add("--dashboard", in_backticks(options.to[i]) +
                                      " is the address of the application (`--to`), so the dashboard cannot "
                                      "have it: choose another address for `--dashboard`");
  }
  if (plan.dashboard.empty() && !options.no_dashboard) plan.dashboard = default_dashboard(plan);
  if (!plan.dashboard.empty() && is_same_place(plan.dashboard, plan.listen))
    problems.add("--dashboard", in_backticks(plan.dashboard) +
                                    " is the address at which the application is served (`--listen`): choose "
                                    "another address for `--dashboard`");
  if (!problems.text().empty()) return Error{problems.text()};
  return plan;
}

}  // namespace portcullis::cli

#include "cli/small_setup.h"

#include <algorithm>

#include "base/text.h"
#include "cli/plain_text.h"
#include "runtime/address.h"

namespace portcullis::cli {
namespace {

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

std::string shell_word(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alphanumeric(c) || std::string_view("_./:@%+=,-").find(c) != std::string_view::npos;
  });
  return plain ? text : shell_quoted(text);
}

// `text` as a single line for a comment.
std::string comment_text(const std::string& text) {
  std::string out = text;
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < ' ' || c >= 0x7F; }, '?');
  return out;
}

std::string yaml_list(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& one : texts) out += (out.size() == 1 ? "" : ", ") + yaml_text(one);
  return out + "]";
}

std::string upstream_of(const SmallPlan& plan) {
  std::string out =
      "# The targets that get the requests. A name is looked up again when its time to live is over.\n"
      "upstreams:\n"
      "  - name: app\n";
  if (plan.tls) out += "    tls: {}  # the certificate must be good for the target's name\n";
  if (plan.targets.size() > 1)
    out +=
        "    balance: least_request\n"
        "    # A target that fails three times in a row gets no requests for ten seconds.\n"
        "    outlier_ejection: {failures_in_row: 3, ejection: 10s}\n";
  out += "    targets:\n";
  for (const std::string& target : plan.targets) out += "      - address: " + yaml_text(target) + "\n";
  return out;
}

std::string route_of(const SmallPlan& plan) {
  std::string out =
      "routes:\n"
      "  - name: all\n"
      "    match:\n"
      "      path_prefix: /\n";
  if (!plan.domains.empty())
    out += "      hosts: " + yaml_list(plan.domains) + "  # requests for other hosts get 404\n";
  if (!plan.target_host.empty())
    out += "    rewrite: {host: " + yaml_text(plan.target_host) + "}  # X-Forwarded-Host has the client's\n";
  if (!plan.key_hash.empty() || !plan.rate.empty() || !plan.cache.empty()) out += "    policies:\n";
  if (!plan.key_hash.empty()) out += "      - key_auth: {}  # callers send their key as `X-API-Key`\n";
  if (!plan.rate.empty())
    out += "      - rate_limit: {limit: " + yaml_text(plan.rate) +
           ", key: " + (plan.key_hash.empty() ? "client.address" : "caller") + "}\n";
  if (!plan.cache.empty())
    out += plan.key_hash.empty()
               ? "      - cache: {}  # stores the responses that allow it\n"
               : "      - cache: {}  # stores only responses marked `public`, because requests have a key\n";
  return out + "    upstream: app\n";
}

// A URL by which this machine reaches `address`.
std::string url_of(const std::string& address) {
  const auto parsed = SocketAddress::parse(address);
  if (!parsed || parsed->is_unix()) return address;
  const bool all = parsed->host() == "::" || parsed->host() == "0.0.0.0";
  return "http://" + (all ? "localhost:" + std::to_string(parsed->port()) : address) + "/";
}

}  // namespace

std::string yaml_text(std::string_view text) {
  const auto is_letter = [](char c) { return is_alphanumeric(c) && (c < '0' || c > '9'); };
  const auto has = [text](char c) { return text.find(c) != std::string_view::npos; };
  const bool harmless =
      !text.empty() && (is_alphanumeric(text.front()) || text.front() == '/') &&
      is_alphanumeric(text.back()) && std::all_of(text.begin(), text.end(), [](char c) {
        return is_alphanumeric(c) || std::string_view("._/:-").find(c) != std::string_view::npos;
      });
  // True for text that no YAML reader takes for a number, a time, `true` or `null`.
  const bool is_text = has('/') || (has('.') && has(':')) ||
                       (!text.empty() && is_letter(text.front()) && (has('.') || has(':')));
  if (harmless && is_text) return std::string(text);
  std::string out = "\"";
  append_json_escaped(out, text);
  return out + "\"";
}

std::string yaml_of(const SmallPlan& plan, const std::string& command) {
  std::string out = "# Made by: " + comment_text(command) +
                    "\n"
                    "# Check it with `portcullis check FILE`, serve it with `portcullis run -c FILE`.\n"
                    "version: 1\n";
  if (!plan.dashboard.empty())
    out += "\n# The dashboard and the metrics, for this machine alone.\nadmin:\n  address: " +
           yaml_text(plan.dashboard) + "\n";
  out += "\nlisteners:\n  - name: public\n    address: " + yaml_text(plan.listen) + "\n";
  if (!plan.cache.empty()) out += "\ncache:\n  memory: " + plan.cache + "\n";
  out += "\n" + upstream_of(plan);
  if (!plan.key_hash.empty())
    out +=
        "\n# The callers. `portcullis generate-key` makes more keys; a caller of its own gets its own "
        "limits.\n"
        "consumers:\n"
        "  - name: caller\n"
        "    credentials:\n"
        "      keys:\n"
        "        - hash: " +
        yaml_text(plan.key_hash) + "\n";
  return out + "\n" + route_of(plan);
}

std::string command_of(const SmallOptions& options, const SmallPlan& plan) {
  std::string out = "portcullis run";
  const auto add = [&out](const char* option, const std::string& value) {
    out += std::string(" ") + option + " " + shell_word(value);
  };
  for (const std::string& one : options.to) add("--to", one);
  if (!options.listen.empty()) add("--listen", options.listen);
  for (const std::string& one : options.domains) add("--domain", one);
  if (!plan.key_hash.empty()) add("--key", plan.key_hash);
  if (!options.rate.empty()) add("--rate", options.rate);
  if (options.cache) out += options.cache->empty() ? " --cache" : " --cache " + shell_word(*options.cache);
  if (!options.dashboard.empty()) add("--dashboard", options.dashboard);
  if (options.no_dashboard) out += " --no-dashboard";
  return out;
}

std::string welcome_of(const SmallPlan& plan, const std::string& command, const std::string& made_key,
                       const std::string& moved_from) {
  std::string out = "\nPortcullis serves " + join(plan.targets) + " at " + url_of(plan.listen) + "\n\n";
  const auto line = [&out](const char* topic, const std::string& text) {
    std::string head = std::string("  ") + topic;
    head.resize(14, ' ');
    out += head + text + "\n";
  };
  const auto listen = SocketAddress::parse(plan.listen);
  if (listen && !listen->is_unix())
    line("reached by",
         listen->is_local()
             ? "this machine alone; `--listen :" + std::to_string(listen->port()) + "` serves all addresses"
             : std::string("others, too: ") + plan.listen);
  if (!plan.domains.empty()) line("hosts", join(plan.domains) + "; requests for others get 404");
  if (!made_key.empty()) {
    line("API key", made_key + "  (shown once; send it as `X-API-Key`)");
    line("", "keep it with --key " + plan.key_hash);
  } else if (!plan.key_hash.empty()) {
    line("API key", "needed in `X-API-Key`");
  }
  if (!plan.rate.empty())
    line("rate limit",
         plan.rate + (plan.key_hash.empty() ? " for each client address" : " for each key's owner"));
  if (!plan.cache.empty()) line("cache", plan.cache + " of memory");
  if (!plan.dashboard.empty())
    line("dashboard", url_of(plan.dashboard) + (moved_from.empty() ? "" : "  (" + moved_from + " is taken)"));
  line("as a file", command + " --print > portcullis.yaml");
  return out + "\n";
}

}  // namespace portcullis::cli

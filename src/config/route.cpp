#include "config/route.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/arena.h"
#include "base/text.h"
#include "config/condition_type.h"
#include "config/field_types.h"
#include "config/labels.h"
#include "config/named_items.h"
#include "http/authority.h"
#include "http/characters.h"
#include "http/path.h"

namespace portcullis::config {
namespace {

constexpr ptrdiff_t kMaxSegments = 64;  // see routing::RouteTable

// A pattern that is not in normal form would never match, because request paths are normalised.
std::string check_path(const std::string& path) {
  if (!path.starts_with('/')) return "`" + path + "` is not a path: it must start with `/`";
  if (const size_t bad = path.find_first_of("?# \t\r\n"); bad != std::string::npos)
    return "`" + path + "` is not a path: a path must not contain `" + path[bad] + "`";
  Arena arena;
  std::string encoded;  // without the braces of parameters
  encoded.reserve(path.size());
  for (size_t at = 0; at < path.size();) {
    const size_t brace = std::min(path.find_first_of("{}", at), path.size());
    encoded += http::encode_target(std::string_view(path).substr(at, brace - at), arena);
    if (brace < path.size()) encoded += path[brace];
    at = brace + 1;
  }
  const auto canonical = http::canonical_path(encoded, arena, {.ambiguous = http::AmbiguousPaths::kPass});
  if (!canonical)
    return "`" + path + "` is not a path: its percent-encoding is not valid, or `..` leads above the root";
  if (*canonical == path) return "";
  return "`" + path + "` never matches, because paths are normalised first: write `" +
         std::string(*canonical) + "`" +
         (path.find('<') != std::string::npos ? "; one segment with any text is written `{name}` in `path`"
          : path.find_first_of("[]()\\^") == std::string::npos
              ? ""
              : "; a regular expression belongs in `path_regex`");
}

std::string check_plain_path(const std::string& path) {
  if (path.find_first_of("{}") != std::string::npos)
    return "`" + path + "`: parameters in braces are only possible in `path`";
  return check_path(path);
}

std::string check_pattern(const std::string& path) {
  if (std::string problem = check_path(path); !problem.empty()) return problem;
  if (std::count(path.begin(), path.end(), '/') > kMaxSegments)
    return "`" + path + "` has more than " + std::to_string(kMaxSegments) + " segments";
  std::set<std::string_view> names;
  for (size_t at = 0; at < path.size();) {
    const size_t end = std::min(path.find('/', at + 1), path.size());
    const std::string_view segment = std::string_view(path).substr(at + 1, end - at - 1);
    at = end;
    const auto is_brace = [](char c) { return c == '{' || c == '}'; };
    const auto braces = std::count_if(segment.begin(), segment.end(), is_brace);
    if (braces == 0) continue;
    const bool whole = segment.size() > 2 && segment.front() == '{' && segment.back() == '}' && braces == 2;
    const std::string shown = "`" + std::string(segment) + "`";
    if (!whole) return shown + ": a parameter is a whole segment, as in /orders/{id}";
    if (!names.insert(segment).second) return "`" + path + "` names " + shown + " twice";
  }
  return "";
}

std::string check_rewritten_path(const std::string& path) {
  return path.starts_with('/') ? "" : "`" + path + "` is not a path: it must start with `/`";
}

std::string check_authority(const std::string& host) {
  return !host.empty() && http::is_valid_authority(host)
             ? ""
             : "`" + host + "` is not a host: write orders.internal or orders.internal:8080";
}

std::string check_method(const std::string& method) {
  if (method.empty()) return "a method must not be empty";
  for (const char c : method) {
    if (!http::is_token(c) || (c >= 'a' && c <= 'z')) {
      return "`" + method + "` is not a method: methods are written in capitals, as GET";
    }
  }
  return "";
}

std::string check_not_empty(const std::string& name) {
  return name.empty() ? "a name must not be empty" : "";
}

// After a switch to HTTP/2 by Upgrade, requests would bypass all routes and policies.
std::string check_upgrade(const std::string& protocol) {
  const std::string_view name = std::string_view(protocol).substr(0, protocol.find('/'));
  if (name == "*" || !http::is_token_text(name))
    return "`" + protocol + "` is not a protocol: write its name as in `Upgrade`, such as websocket";
  if (to_lower(name).starts_with("h2") || equals_ignoring_case(name, "http"))
    return "`" + protocol +
           "`: routes cannot allow this protocol, because requests after the switch would pass no route and "
           "no policy";
  return "";
}

}  // namespace

Type<std::string> plain_path_type() {
  return checked_text("a path", "^/", "/orders", check_plain_path);
}

Type<std::string> method_type() {
  return checked_text("a method", "", "GET", check_method);
}

namespace {

Type<Match> match_type() {
  auto match = std::make_shared<ObjectType<Match>>("match", "Conditions that a request must meet.");
  match
      ->optional("hosts", &Match::hosts, list_of<std::string>(host_type()),
                 "Host names: exact, or `*.example.com` for every name below `example.com`.")
      .default_in_words("any")
      .optional("path", &Match::path, checked_text("a path", "^/", "'/orders/{id}'", check_pattern),
                "The whole path; `{name}` stands for one segment with any text.")
      .optional("path_prefix", &Match::path_prefix, plain_path_type(),
                "The beginning of the path, in whole segments: `/v1` matches `/v1` and `/v1/x`, not `/v10`.")
      .optional("methods", &Match::methods, list_of<std::string>(method_type()), "Request methods.")
      .default_in_words("any")
      .optional("path_regex", &Match::path_regex, regex_type(),
                "An expression (RE2) for the whole path, for patterns that `path` cannot describe. "
                "Expressions are slower than paths, because the gateway tries them one after the other.")
      .optional("headers", &Match::headers, condition_map(check_field_name),
                "Header fields: a value, `{regex: ...}` for the whole value, or `{present: true}`. All these "
                "conditions must hold.")
      .default_in_words("any")
      .optional("query", &Match::query, condition_map([](const std::string&) { return std::string(); }),
                "Query parameters: the same conditions as for `headers`, on decoded values.")
      .default_in_words("any")
      .optional(
          "listeners", &Match::listeners,
          non_empty(list_of<std::string>(checked_text("a listener's name", "", "public", check_not_empty))),
          "Names or addresses of listeners: the route takes only requests that arrive there.")
      .default_in_words("all")
      .locate_last(&Match::listeners_location);
  return match;
}

Type<Rewrite> rewrite_type() {
  auto rewrite =
      std::make_shared<ObjectType<Rewrite>>("rewrite", "Changes to the request on its way to the upstream.");
  rewrite
      ->optional("strip_prefix", &Rewrite::strip_prefix, plain_path_type(),
                 "A prefix, of whole segments, that is removed from the path.")
      .optional("path", &Rewrite::path,
                checked_text("a path with parameters", "^/", "'/v2/{rest}'", check_rewritten_path),
                "The path that the upstream gets. `{name}` stands for a parameter of `match.path` or a named "
                "group of `path_regex`, and `{rest}` for the part of the path after `path_prefix`.")
      .locate_last(&Rewrite::path_location)
      .optional("host", &Rewrite::host, checked_text("a host", "", "orders.internal", check_authority),
                "The `Host` that the upstream gets. `X-Forwarded-Host` has the host that the client wrote.")
      .default_in_words("as received");
  return rewrite;
}

}  // namespace

Type<Route> route_type(const Type<PolicyList>& policies) {
  auto route = std::make_shared<ObjectType<Route>>("route", "Routes: which requests go to which upstream.");
  route->locate(&Route::location)
      .required("name", &Route::name, name_type(), "The name of the route in logs, metrics and `explain`.")
      .required("match", &Route::match, match_type(), "Conditions that a request must meet.")
      .optional("rewrite", &Route::rewrite, rewrite_type(),
                "Changes to the request on its way to the upstream.")
      .optional("policies", &Route::policies, policies,
                "Policies for requests of this route, in the order in which they run.")
      .optional("upgrades", &Route::upgrades,
                list_of<std::string>(checked_text("a protocol", "", "websocket", check_upgrade)),
                "The protocols that a client may switch to by `Upgrade` (RFC 9110 section 7.8). Any other "
                "protocol is removed from the request, which goes on without it. The gateway does not look "
                "at the data after the switch.")
      .optional("upstream", &Route::upstream, text("orders"),
                "The name of the upstream that answers. A route with a policy that answers every request "
                "needs none.")
      .locate_last(&Route::upstream_location)
      .optional("subset", &Route::subset, metadata_type(),
                "Only targets with this metadata, as `{version: v2}`.")
      .default_in_words("all")
      .optional("split", &Route::split, list_of<Branch>(branch_type()),
                "In place of `upstream`: several branches, each with an upstream and a part of the requests.")
      .optional("split_sticky", &Route::split_sticky, split_sticky_type(),
                "Keeps each client with its branch of `split`.")
      .default_in_words("none")
      .optional("idempotent", &Route::idempotent, boolean(),
                "Whether requests of this route may be sent a second time, whatever their method, by "
                "`retries` and `hedge` of the upstream.");
  add_labels(*route);
  return route;
}

}  // namespace portcullis::config

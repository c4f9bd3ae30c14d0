#include "config/loader.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "base/text.h"
#include "config/schema_model.h"
#include "config/yaml.h"

namespace portcullis::config {
namespace {

// Replaces ${NAME} by the environment's value in every scalar; a variable that is not set is an error.
void expand_environment(YamlNode& node, std::set<const YamlNode*>& done, Diagnostics& diagnostics) {
  if (!done.insert(&node).second) return;
  for (const auto& item : node.items) expand_environment(*item, done, diagnostics);
  for (const auto& [key, value] : node.members) expand_environment(*value, done, diagnostics);
  size_t from = 0;
  while ((from = node.scalar.find("${", from)) != std::string::npos) {
    const size_t end = node.scalar.find('}', from);
    if (end == std::string::npos) {
      diagnostics.error(node.location, "`${` without `}`");
      return;
    }
    const std::string name = node.scalar.substr(from + 2, end - from - 2);
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) {
      diagnostics.error(node.location, "the environment variable " + name + " is not set");
      return;
    }
    node.scalar.replace(from, end + 1 - from, value);
    from += std::strlen(value);
  }
}

template <typename T>
void refuse_duplicate_names(const std::vector<T>& items, const char* kind, Diagnostics& diagnostics) {
  std::map<std::string_view, const Location*> seen;
  for (const T& item : items) {
    if (item.name.empty()) continue;
    const auto [first, inserted] = seen.emplace(item.name, &item.location);
    if (!inserted) {
      diagnostics.error(item.location, std::string("a second ") + kind + " named `" + item.name +
                                           "`; the first is at line " + std::to_string(first->second->line));
    }
  }
}

bool answers_itself(const Route& route) {
  for (const PolicyUse& use : route.policies) {
    if (use.name == "redirect" || use.name == "respond") return true;
  }
  return false;
}

// What concerns several values together.
void check_references(const Config& config, Diagnostics& diagnostics) {
  refuse_duplicate_names(config.listeners, "listener", diagnostics);
  refuse_duplicate_names(config.upstreams, "upstream", diagnostics);
  refuse_duplicate_names(config.routes, "route", diagnostics);
  std::vector<std::string_view> upstreams;
  std::set<std::string_view> known;
  for (const Upstream& upstream : config.upstreams) {
    upstreams.push_back(upstream.name);
    known.insert(upstream.name);
    if (upstream.targets.empty())
      diagnostics.error(upstream.location, "upstream `" + upstream.name + "` has no targets");
  }
  for (const Route& route : config.routes) {
    if (!route.match.path.empty() + !route.match.path_prefix.empty() + !route.match.path_regex.empty() > 1) {
      diagnostics.error(route.location, "route `" + route.name +
                                            "` has more than one of `path`, `path_prefix` and `path_regex`");
    }
    if (!route.rewrite.path.empty() && !route.rewrite.strip_prefix.empty()) {
      diagnostics.error(route.location, "route `" + route.name +
                                            "` rewrites with both `path` and `strip_prefix`; one is enough");
    }
    if (route.upstream.empty() && !answers_itself(route)) {
      diagnostics.error(route.location,
                        "route needs `upstream`, or a policy that answers (`redirect`, `respond`)");
    }
    if (!known.contains(route.upstream) && !route.upstream.empty()) {
      diagnostics.error(route.upstream_location, "there is no upstream `" + route.upstream + "`" +
                                                     suggestion_for(route.upstream, upstreams));
    }
  }
}

}  // namespace

std::optional<Config> load_text(std::string_view text, const std::string& name, const PolicyCatalog& catalog,
                                Diagnostics& diagnostics) {
  const auto root = parse_yaml(text, name, diagnostics);
  if (!root) return std::nullopt;
  std::set<const YamlNode*> done;
  expand_environment(*root, done, diagnostics);
  Config config;
  config_type(catalog)->load(*root, &config, diagnostics);
  check_references(config, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  return config;
}

std::optional<Config> load_file(const std::string& path, const PolicyCatalog& catalog,
                                Diagnostics& diagnostics) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  if (!file || !(content << file.rdbuf())) {
    diagnostics.error({path, 0, 0}, std::string("cannot read it: ") + std::strerror(errno));
    return std::nullopt;
  }
  return load_text(content.str(), path, catalog, diagnostics);
}

}  // namespace portcullis::config

#include "config/loader.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "config/assertions.h"
#include "config/field_types.h"
#include "config/kept_items.h"
#include "config/key_places.h"
#include "config/schema_model.h"
#include "config/source_reader.h"
#include "config/yaml.h"
#include "runtime/address.h"

namespace portcullis::config {
namespace {

template <typename List>
void refuse_duplicate_names(const List& items, const char* kind, Diagnostics& diagnostics) {
  std::unordered_map<std::string_view, const Location*> seen;
  seen.reserve(items.size());
  for (const auto& item : items) {
    if (item.name.empty()) continue;
    const auto [first, inserted] = seen.emplace(item.name, &item.location);
    if (!inserted) {
      diagnostics.error(item.location, std::string("a second ") + kind + " named `" + item.name +
                                           "`; the first is at " + first->second->seen_from(item.location));
    }
  }
}

// Refuses two listeners with the same address: only the first would get connections, and the admin listener
// would not start. Port 0 is allowed several times, because the system chooses a different port for each.
void refuse_shared_addresses(const Config& config, Diagnostics& diagnostics) {
  std::map<std::string, const Listener*> seen;
  for (const Listener& one : config.listeners) {
    const auto address = SocketAddress::parse(one.address);
    if (!address || (!address->is_unix() && address->port() == 0)) continue;
    const auto [first, inserted] = seen.emplace(address->to_string(), &one);
    if (!inserted)
      diagnostics.error(one.location, "listener `" + one.name + "` has the address of listener `" +
                                          first->second->name + "` (" +
                                          first->second->location.seen_from(one.location) +
                                          "): give each of them an address of its own");
  }
  if (!config.admin.enabled()) return;
  const auto admin = SocketAddress::parse(config.admin.address);
  const auto found = admin ? seen.find(admin->to_string()) : seen.end();
  if (found != seen.end())
    diagnostics.error(
        config.admin.address_location.line_read == 0 ? config.admin.location : config.admin.address_location,
        "`admin` has the address of listener `" + found->second->name + "` (" +
            found->second->location.seen_from(config.admin.location) +
            "): give each of them an address of its own");
}

bool answers_itself(const Route& route) {
  return std::any_of(route.policies.begin(), route.policies.end(),
                     [](const PolicyUse& use) { return use.traits.answers_all; });
}

// Checks a route's branches, except their conditions and keys.
template <typename RefuseUnknown>
void check_split(const Route& route, RefuseUnknown refuse_unknown_upstream, Diagnostics& diagnostics) {
  const SplitSticky& sticky = route.split_sticky;
  if (sticky.location.line_read != 0 && sticky.cookie.empty() == sticky.key.empty())
    diagnostics.error(sticky.location, "`split_sticky` needs exactly one of `cookie` and `key`");
  if (route.split.empty()) {
    if (sticky.location.line_read != 0)
      diagnostics.error(sticky.location,
                        "`split_sticky` has no effect without `split`: add a `split` to this route, or "
                        "remove `split_sticky`");
    return;
  }
  if (!route.upstream.empty() || !route.subset.empty())
    diagnostics.error(
        route.location,
        "route `" + route.name +
            "` has a `split`: write `upstream` and `subset` in the branches of the split, not in the route");
  std::map<std::string_view, const Branch*> labels;
  bool lasting = false;  // a branch can take the requests that other branches lose
  for (const Branch& branch : route.split) {
    refuse_unknown_upstream(branch.upstream, branch.upstream_location);
    if (!labels.emplace(branch.label(), &branch).second)
      diagnostics.error(branch.location, "there are two branches named `" + branch.label() +
                                             "`: give one of them another `name`");
    lasting |= branch.share() > 0 && !branch.rollback.enabled();
  }
  if (!lasting)
    diagnostics.error(route.location, "one branch of the `split` of `" + route.name +
                                          "` must have a `weight` above 0 and no `rollback`, so that the "
                                          "requests of a branch that is rolled back have a place to go");
}

// Checks rules that concern several values together.
void check_references(const Config& config, const PolicyCatalog& catalog, Diagnostics& diagnostics) {
  check_admin(config.admin, diagnostics);
  check_cache(config.cache, diagnostics);
  refuse_duplicate_names(config.listeners, "listener", diagnostics);
  std::vector<std::string_view> listeners;
  for (const Listener& one : config.listeners) {
    listeners.push_back(one.name);
    check_socket_file(one.address, one.mode, one.group, one.location, diagnostics);
  }
  refuse_shared_addresses(config, diagnostics);
  refuse_duplicate_names(config.upstreams, "upstream", diagnostics);
  refuse_duplicate_names(config.routes, "route", diagnostics);
  std::vector<std::string_view> upstreams;
  std::set<std::string_view> known;
  for (const Upstream& upstream : config.upstreams) {
    upstreams.push_back(upstream.name);
    known.insert(upstream.name);
    if (upstream.targets.empty() && !upstream.discover.enabled() && !diagnostics.is_faulty(upstream.location))
      diagnostics.error(upstream.location,
                        "upstream `" + upstream.name + "` has no targets: give it `targets`, or `discover`");
  }
  // Many routes refer to one of many upstreams: the list of all names is built only for a wrong name.
  const auto refuse_unknown_upstream = [&](const std::string& name, const Location& location) {
    if (!known.contains(name)) diagnostics.refuse_unknown("upstream", name, upstreams, location);
  };
  refuse_duplicate_names(config.plans, "plan", diagnostics);
  std::vector<std::string_view> plans, routes;
  for (const Plan& plan : config.plans) plans.push_back(plan.name);
  for (const Route& route : config.routes) routes.push_back(route.name);
  for (const Consumer& consumer : config.consumers)
    diagnostics.refuse_unknown("plan", consumer.plan, plans, consumer.plan_location);
  for (const Plan& plan : config.plans) {
    for (const PlanApi& api : plan.apis) {
      for (const std::string& route : api.routes)
        diagnostics.refuse_unknown("route", route, routes, api.location);
    }
  }
  if (!config.quotas.file.empty() && config.quotas.redis)
    diagnostics.error(config.quotas.location, "`quotas` has both `file` and `redis`: remove one of them");
  if (config.quotas.redis && config.redis.address.empty())
    diagnostics.error(config.quotas.location,
                      "`quotas: {redis: true}` needs the settings `redis` at the top level");
  const ListenerAddresses addresses(config.listeners);
  for (const Route& route : config.routes) {
    if (!route.match.path.empty() + !route.match.path_prefix.empty() + !route.match.path_regex.empty() > 1) {
      diagnostics.error(route.location, "route `" + route.name +
                                            "` has more than one of `path`, `path_prefix` and `path_regex`");
    }
    if (!route.rewrite.path.empty() && !route.rewrite.strip_prefix.empty()) {
      diagnostics.error(
          route.location,
          "route `" + route.name + "` has both `path` and `strip_prefix` in `rewrite`: remove one of them");
    }
    if (route.upstream.empty() && route.split.empty() && !answers_itself(route) &&
        !diagnostics.is_faulty(route.location)) {
      diagnostics.error(route.location, "route needs `upstream`, `split`, or a policy that answers (" +
                                            names_with(catalog, &PolicyTraits::answers_all) + ")");
    }
    for (const std::string& name : route.match.listeners) {
      if (addresses.find(name) == nullptr)
        diagnostics.refuse_unknown("listener", name, listeners, route.match.listeners_location);
    }
    refuse_unknown_upstream(route.upstream, route.upstream_location);
    check_split(route, refuse_unknown_upstream, diagnostics);
  }
}

std::optional<Config> load_document(YamlNode& root, const PolicyCatalog& catalog, Diagnostics& diagnostics) {
  if (root.kind == YamlNode::Kind::kNull) {
    diagnostics.error(root.location, "the file is empty: a configuration begins with `version: 1`");
    return std::nullopt;
  }
  diagnostics.know_keys([catalog, reference = std::shared_ptr<Reference>()](std::string_view key,
                                                                            std::string_view object) mutable {
    if (!reference) reference = std::make_shared<Reference>(make_reference(catalog));
    return place_of_key(*reference, key, object);
  });
  Config config;
  config_type(catalog).load(root, config, diagnostics);
  check_references(config, catalog, diagnostics);
  check_assertions(config, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  return config;
}

// Keeps the routes for the next reading, except those of which something has been told, because it has to be
// told again.
void keep_items(const YamlNode& document, const Config& config, const Diagnostics& diagnostics,
                KeptItems& kept) {
  std::vector<std::shared_ptr<KeptItem>> items;
  const YamlNode* list = document.find(KeptItems::kList);
  const bool fits = list != nullptr && list->items.size() == config.routes.size();
  const std::map<std::string, std::set<size_t>> told = diagnostics.lines();
  for (size_t i = 0; fits && i < list->items.size(); ++i) {
    const std::shared_ptr<KeptItem>& item = list->items[i]->item;
    if (!item) continue;
    if (const auto lines = told.find(item->file.text()); lines != told.end()) {
      const size_t begin = Location{item->file, item->line}.line();
      const auto count = static_cast<size_t>(std::count(item->text.begin(), item->text.end(), '\n'));
      const auto first = lines->second.lower_bound(begin);
      if (first != lines->second.end() && *first <= begin + count) continue;
    }
    item->value = config.routes.share(i);
    items.push_back(item);
  }
  kept.replace(items);
}

}  // namespace

Reading read_path(const std::string& path, Sources& sources, std::shared_ptr<KeptItems> kept) {
  Reading reading;
  SourceReader reader(sources, reading.diagnostics, kept.get());
  reading.kept = std::move(kept);
  reading.document = reader.read(path);
  if (reading.document) reader.expand(*reading.document);
  reading.revision = sources.fingerprint;
  return reading;
}

Reading read_text(std::string_view text, const std::string& name, std::shared_ptr<KeptItems> kept) {
  Reading reading;
  Sources sources;
  SourceReader reader(sources, reading.diagnostics);
  reading.document = parse_yaml_keeping(text, name, kept.get(), reading.diagnostics);
  reading.kept = std::move(kept);
  if (reading.document) reader.expand(*reading.document);
  return reading;
}

std::optional<Config> load(Reading& reading, const PolicyCatalog& catalog) {
  const auto document = std::exchange(reading.document, nullptr);
  if (!document) return std::nullopt;
  auto config = load_document(*document, catalog, reading.diagnostics);
  if (config && reading.kept) keep_items(*document, *config, reading.diagnostics, *reading.kept);
  return config;
}

std::optional<Config> load_text(std::string_view text, const std::string& name, const PolicyCatalog& catalog,
                                Diagnostics& diagnostics) {
  Reading reading = read_text(text, name);
  auto config = load(reading, catalog);
  diagnostics = std::move(reading.diagnostics);
  return config;
}

std::optional<Admin> load_admin(const std::string& path, Diagnostics& diagnostics) {
  Sources sources;
  SourceReader reader(sources, diagnostics);
  const auto root = reader.read(path);
  if (!root) return std::nullopt;
  Admin admin;
  for (const auto& [key, value] : root->members) {
    if (key->scalar != "admin") continue;
    reader.expand(*value);
    admin_type().load(*value, admin, diagnostics);
  }
  if (diagnostics.has_errors()) return std::nullopt;
  return admin;
}

}  // namespace portcullis::config

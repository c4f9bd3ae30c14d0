#include "config/loader.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "config/assertions.h"
#include "config/kept_items.h"
#include "config/key_places.h"
#include "config/named_items.h"
#include "config/schema_model.h"
#include "config/source_reader.h"
#include "config/yaml.h"

namespace portcullis::config {
namespace {

// Checks rules that concern several values together.
std::vector<JudgedAssertion> check_references(const Config& config, const PolicyCatalog& catalog,
                                              Diagnostics& diagnostics) {
  check_admin(config.admin, diagnostics);
  check_store(config.store, config.admin, diagnostics);
  check_cache(config.cache, diagnostics);
  check_listeners(config.listeners, config.admin, diagnostics);
  check_upstreams(config.upstreams, diagnostics);
  check_consumers(config.consumers, config.plans, list_names(config.routes), diagnostics);
  check_redis(config.redis, diagnostics);
  check_quotas(config.quotas, config.redis, diagnostics);
  check_policy_sets(config.policy_sets, diagnostics);
  const PolicySets sets(config.policy_sets);
  sets.refuse_unknown(config.policies, diagnostics);
  check_routes(config.routes, config.upstreams, config.listeners, sets, catalog, diagnostics);
  return check_assertions(config, diagnostics);
}

std::optional<Config> load_document(YamlNode& root, const PolicyCatalog& catalog, Diagnostics& diagnostics,
                                    std::vector<JudgedAssertion>& assertions) {
  if (root.kind == YamlNode::Kind::kNull) {
    diagnostics.error(root.location, "the file is empty: a configuration begins with `version: 1`");
    return std::nullopt;
  }
  diagnostics.know_keys([catalog, reference = std::shared_ptr<Reference>()](std::string_view key,
                                                                            std::string_view object) mutable {
    if (!reference) reference = std::make_shared<Reference>(make_reference(catalog));
    return place_of_key(*reference, key, object);
  });
  supply_listeners(root);
  Config config;
  config.node_settings = NodeSettings(root);
  config_type(catalog).load(root, config, diagnostics);
  check_objects_of_files(root, config, diagnostics);
  assertions = check_references(config, catalog, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  return config;
}

// Keeps the routes for the next reading, except those of which something has been told, because it has to be
// told again.
void keep_items(const YamlNode& document, const ObjectDocument& objects, const Diagnostics& diagnostics,
                KeptItems& kept) {
  std::vector<std::shared_ptr<KeptItem>> items;
  const YamlNode* list = document.find(KeptItems::kList);
  auto object = std::find_if(objects.objects.begin(), objects.objects.end(),
                             [](const ObjectPointer& one) { return one->kind->key == KeptItems::kList; });
  const std::map<std::string, std::set<size_t>> told = diagnostics.lines();
  for (size_t i = 0; list != nullptr && i < list->items.size(); ++i, ++object) {
    const std::shared_ptr<KeptItem>& item = list->items[i]->item;
    if (!item) continue;
    if (const auto lines = told.find(item->file.text()); lines != told.end()) {
      const size_t begin = Location{item->file, item->line, 1}.line();
      const auto count = static_cast<size_t>(std::count(item->text.begin(), item->text.end(), '\n'));
      const auto first = lines->second.lower_bound(begin);
      if (first != lines->second.end() && *first <= begin + count) continue;
    }
    item->object = *object;
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
  reading.fingerprint = sources.fingerprint;
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
  auto config = load_document(*document, catalog, reading.diagnostics, reading.assertions);
  if (config && (reading.kept || reading.wants_objects)) reading.objects = objects_of(*document, *config);
  if (config && reading.kept) keep_items(*document, reading.objects, reading.diagnostics, *reading.kept);
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

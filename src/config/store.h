#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/admin.h"
#include "config/discovery.h"
#include "config/schema.h"
#include "etcd/settings.h"

// Where the objects that come through the admin API are kept.
namespace portcullis::config {

// The etcd in which the nodes of a cluster share their revisions.
struct StoreEtcd {
  Location location{};  // line 0 when there is no cluster
  std::vector<std::string> urls{"http://127.0.0.1:2379"};
  std::string prefix = "/portcullis/";
  std::string username;
  std::string password;
  SourceTls tls{};

  bool enabled() const { return location.line_read != 0; }
  // With the paths of files as the process opens them.
  etcd::Settings settings() const;
};

struct Store {
  Location location{};  // line 0 when there is no store
  StoreEtcd etcd{};
  std::string sqlite = "/var/lib/portcullis/portcullis.db";
  std::string key_file;
  std::vector<std::string> references;

  bool enabled() const { return location.line_read != 0; }
  std::string key_path() const { return key_file.empty() ? sqlite + ".key" : key_file; }
  // Whether an object of the API may use the variable of the environment, or the file, with that name.
  bool may_refer(std::string_view name) const;
  bool operator==(const Store& other) const {
    return enabled() == other.enabled() && sqlite == other.sqlite && key_file == other.key_file &&
           etcd.enabled() == other.etcd.enabled() && etcd.settings() == other.etcd.settings();
  }
};

Type<Store> store_type();
// The `store.references` of a document; none when there is no store.
std::vector<std::string> references_of(const YamlNode& document);
// The settings of the store in a document, which may have mistakes elsewhere. Nothing after an error.
std::optional<Store> store_of(const YamlNode& document, Diagnostics& diagnostics);
// Which doors are open for changes: what `admin` says, or what is usual with and without a store.
AdminWrites writes_of(const Admin& admin, const Store& store);
// Reports settings of the store and of the admin listener that contradict each other.
void check_store(const Store& store, const Admin& admin, Diagnostics& diagnostics);

}  // namespace portcullis::config

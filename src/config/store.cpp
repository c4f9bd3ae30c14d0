#include "config/store.h"

#include <algorithm>

#include "config/field_types.h"
#include "config/marked_type.h"
#include "config/value_types.h"

namespace portcullis::config {
namespace {

std::string check_reference(const std::string& text) {
  if (text.starts_with('/') && text.find("/../") == std::string::npos) return "";
  const bool is_name = !text.empty() && text.find_first_not_of(
                                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTU"
                                            "VWXYZ0123456789_") == std::string::npos;
  return is_name ? "" : "`" + text + "` is neither the name of a variable nor an absolute path";
}

std::string check_prefix(const std::string& text) {
  return text.size() > 1 && text.ends_with('/')
             ? ""
             : "`" + text + "` is not a prefix of keys, which ends with `/`";
}

Type<StoreEtcd> etcd_type() {
  auto etcd = std::make_shared<ObjectType<StoreEtcd>>(
      "store_etcd",
      "The etcd (version 3) in which the nodes of a cluster share the objects that come through the admin "
      "API. A change needs a restart.");
  etcd->locate(&StoreEtcd::location)
      .optional("urls", &StoreEtcd::urls, non_empty(one_or_list_of<std::string>(url_type())),
                "URLs of the members of etcd. When one does not answer, the gateway asks the next one.")
      .optional("prefix", &StoreEtcd::prefix, checked_text("a prefix", "", "/portcullis/", check_prefix),
                "The prefix of all keys of the cluster. It ends with `/`. Nodes with the same prefix are one "
                "cluster.")
      .optional("username", &StoreEtcd::username, text("gateway"), "The user, for an etcd that has users.")
      .optional("password", &StoreEtcd::password, secret(text("'${ETCD_PASSWORD}'")),
                "The password of that user. It is best a `${VARIABLE}` or `${file:...}`.")
      .optional("tls", &StoreEtcd::tls, source_tls_type(), "Settings of TLS, for `https` URLs.");
  return etcd;
}

}  // namespace

etcd::Settings StoreEtcd::settings() const {
  return {
      .urls = urls,
      .prefix = prefix,
      .username = username,
      .password = password,
      .tls = {
          .ca = location.beside(tls.ca), .cert = location.beside(tls.cert), .key = location.beside(tls.key)}};
}

bool Store::may_refer(std::string_view name) const {
  if (name.find("/../") != std::string_view::npos || name.ends_with("/..")) return false;
  if (name.find('\0') != std::string_view::npos) return false;  // a path would end there
  return std::any_of(references.begin(), references.end(), [name](const std::string& one) {
    return one == name || (one.ends_with('/') && name.starts_with(one));
  });
}

Type<Store> store_type() {
  auto store = std::make_shared<ObjectType<Store>>("store",
                                                   "The store of revisions: a file in which the gateway "
                                                   "keeps each published state of its objects, and the "
                                                   "objects that come through the admin API.");
  store->locate(&Store::location)
      .optional(
          "etcd", &Store::etcd, etcd_type(),
          "The etcd that makes this node one of a cluster. The file of the store then has a copy of all "
          "revisions, from which the node serves while etcd is away.")
      .default_in_words("none: the node is alone")
      .optional("sqlite", &Store::sqlite, text("/var/lib/portcullis/portcullis.db"),
                "The file of the store (SQLite), which the gateway creates. A change needs a restart.")
      .optional(
          "key_file", &Store::key_file, text("/etc/portcullis/store.key"),
          "The file with the keys that encrypt the secrets of the store, with mode 0600. The gateway "
          "creates it, except with `etcd`: then it is required, and all nodes of the cluster have the same "
          "file. A change needs a restart.")
      .default_in_words("the path of the store with `.key`")
      .optional("references", &Store::references,
                list_of<std::string>(checked_text("a reference", "", "API_TOKEN", check_reference)),
                "Variables of the environment and files that objects of the admin API may use, as `${NAME}`, "
                "as `${file:PATH}` and as the path of a certificate: names of variables, absolute paths, and "
                "folders with a `/` at the end.");
  return store;
}

std::optional<Store> store_of(const YamlNode& document, Diagnostics& diagnostics) {
  Store store;
  const YamlNode* const settings = document.find("store");
  const size_t faults = diagnostics.faults();
  if (settings != nullptr) store_type().load(*settings, store, diagnostics);
  if (diagnostics.faults() != faults) return std::nullopt;
  return store;
}

std::vector<std::string> references_of(const YamlNode& document) {
  Diagnostics ignored;
  const auto store = store_of(document, ignored);
  return store ? store->references : std::vector<std::string>();
}

AdminWrites writes_of(const Admin& admin, const Store& store) {
  if (admin.writes != AdminWrites::kByStore) return admin.writes;
  return store.enabled() ? AdminWrites::kBoth : AdminWrites::kFiles;
}

void check_store(const Store& store, const Admin& admin, Diagnostics& diagnostics) {
  if (store.etcd.enabled()) {
    const StoreEtcd& etcd = store.etcd;
    if (store.key_file.empty())
      diagnostics.error(etcd.location,
                        "`store.etcd` needs `store.key_file`: the file with the keys that all nodes of the "
                        "cluster share");
    if (etcd.username.empty() != etcd.password.empty())
      diagnostics.error(etcd.location, "`username` and `password` of `store.etcd` belong together");
    if (etcd.tls.cert.empty() != etcd.tls.key.empty())
      diagnostics.error(etcd.location, "`cert` and `key` of `store.etcd.tls` belong together");
  }
  if (!store.enabled() && writes_of(admin, store) != AdminWrites::kFiles)
    diagnostics.warning(admin.location,
                        "`admin.writes` is `" + std::string(name_of(admin.writes)) +
                            "`, and there is no `store`: objects of the admin API are lost when the gateway "
                            "ends");
}

}  // namespace portcullis::config

#include "control/fixed_settings.h"

#include "config/field_types.h"

namespace portcullis::control {

FixedSettings FixedSettings::of(const config::Config& config) {
  return {.node_id = config.node.id,
          .admin_address = config.admin.enabled() ? config.admin.address : "",
          .admin_rights = {config::mode_of(config.admin.mode), config.admin.group},
          .access_log = config.access_log.path,
          .audit_log = config.audit_log.path,
          .traces = config.tracing,
          .redis = config::settings_of(config.redis),
          .quotas = config.quotas.redis ? "redis" : config.quotas.file,
          .counter_bytes = config.limits.memory,
          .cache_bytes = config.cache.memory,
          .cache_disk = config.cache.disk,
          .store = config.store};
}

std::vector<std::string> FixedSettings::differences(const FixedSettings& wanted) const {
  std::vector<std::string> out;
  const auto moved = [&](bool differs, const char* what) {
    if (differs)
      out.push_back(std::string(what) +
                    " is not moved by a reload: its address or file changes with a restart or an upgrade");
  };
  const auto changed = [&](bool differs, const char* what) {
    if (differs)
      out.push_back(std::string(what) +
                    " is not changed by a reload: it changes with a restart or an upgrade");
  };
  changed(wanted.node_id != node_id, "the id of the node");
  changed(!(wanted.store == store), "the store");
  moved(wanted.admin_address != admin_address, "the admin listener");
  changed(wanted.admin_rights != admin_rights, "the file of the admin listener");
  moved(wanted.access_log != access_log, "the access log");
  moved(wanted.audit_log != audit_log, "the audit log");
  changed(wanted.traces != traces, "the collector of traces");
  changed(wanted.quotas != quotas, "the store of the quotas");
  changed(wanted.redis != redis, "the Redis server");
  changed(wanted.counter_bytes != counter_bytes, "the memory of the limits");
  changed(wanted.cache_disk != cache_disk, "the disk of the cache");
  changed(wanted.cache_bytes != cache_bytes, "the memory of the cache");
  return out;
}

}  // namespace portcullis::control

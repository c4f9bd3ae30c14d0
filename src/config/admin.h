#pragma once

#include <string>
#include <vector>

#include "base/enum_names.h"
#include "config/policy_type.h"
#include "config/schema.h"
#include "config/tls.h"

namespace portcullis::config {

// What the holder of a token may do. Each role includes those before it.
enum class AdminRole { kViewer, kOperator, kPublisher, kAdmin };
constexpr auto names_of(AdminRole) {
  return std::to_array<EnumName<AdminRole>>({{AdminRole::kViewer, "viewer"},
                                             {AdminRole::kOperator, "operator"},
                                             {AdminRole::kPublisher, "publisher"},
                                             {AdminRole::kAdmin, "admin"}});
}

// Where objects can be changed.
enum class AdminWrites {
  kByStore,  // kBoth with a store, and kFiles without
  kFiles,
  kApi,
  kBoth,
};
constexpr auto names_of(AdminWrites) {
  return std::to_array<EnumName<AdminWrites>>(
      {{AdminWrites::kFiles, "files"}, {AdminWrites::kApi, "api"}, {AdminWrites::kBoth, "both"}});
}

// A token for the admin listener.
struct AdminToken {
  std::string name;  // for the audit log
  std::string hash;  // "sha256:", and hexadecimal digits
  AdminRole role = AdminRole::kViewer;
  TextMap labels;  // of a publisher: the labels of the objects that it may write; empty: all objects
  Location location{};

  bool operator==(const AdminToken& other) const {
    return name == other.name && hash == other.hash && role == other.role && labels == other.labels;
  }
};

// The listener for operators.
struct Admin {
  Location location{};  // line 0 when there is no admin listener
  std::string address = "127.0.0.1:9080";
  Location address_location{};
  std::string mode;   // of a Unix socket's file; empty: as the umask permits, for the user only
  std::string group;  // of a Unix socket's file; empty: the group of the process
  ListenerTls tls;
  std::vector<AdminToken> tokens;
  std::vector<std::string> hosts;
  AdminWrites writes = AdminWrites::kByStore;

  bool enabled() const { return location.line_read != 0; }
};

Type<Admin> admin_type();
// Reports mistakes in `admin`, except in its TLS settings.
void check_admin(const Admin& admin, Diagnostics& diagnostics);

}  // namespace portcullis::config

#pragma once

#include <string>
#include <vector>

#include "base/enum_names.h"
#include "config/schema.h"
#include "config/tls.h"

namespace portcullis::config {

enum class AdminAccess { kRead, kFull };
constexpr auto names_of(AdminAccess) {
  return std::to_array<EnumName<AdminAccess>>({{AdminAccess::kRead, "read"}, {AdminAccess::kFull, "full"}});
}

// A token for the admin listener.
struct AdminToken {
  std::string name;  // for the audit log
  std::string hash;  // "sha256:", and hexadecimal digits
  AdminAccess access = AdminAccess::kFull;

  bool operator==(const AdminToken&) const = default;
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

  bool enabled() const { return location.line_read != 0; }
};

Type<Admin> admin_type();
// Reports mistakes in `admin`, except in its TLS settings.
void check_admin(const Admin& admin, Diagnostics& diagnostics);

}  // namespace portcullis::config

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

// Who may use the admin listener.
struct AdminToken {
  std::string name;  // for the audit log
  std::string hash;  // "sha256:", and hexadecimal digits
  AdminAccess access = AdminAccess::kFull;

  bool operator==(const AdminToken&) const = default;
};

// The listener for operators.
struct Admin {
  Location location{};  // line 0: there is none
  std::string address = "127.0.0.1:9080";
  Location address_location{};
  std::string mode;   // of a Unix socket's file; empty: what the umask leaves to the user
  std::string group;  // the same; empty: the process's
  ListenerTls tls;
  std::vector<AdminToken> tokens;
  std::vector<std::string> hosts;

  bool enabled() const { return location.line != 0; }
};

Type<Admin> admin_type();
// Reports what is wrong with it, its TLS aside.
void check_admin(const Admin& admin, Diagnostics& diagnostics);

}  // namespace portcullis::config

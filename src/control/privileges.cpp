#include "control/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "base/text.h"

namespace portcullis::control {
namespace {

Error user_error(const std::string& what) {
  return Error{"--user: " + what + ": " + std::strerror(errno)};
}

std::string suggest_user(const std::string& name) {
  std::vector<std::string> names;
  ::setpwent();
  while (const passwd* one = ::getpwent()) names.emplace_back(one->pw_name);
  ::endpwent();
  return suggestion_for(name, {names.begin(), names.end()});
}

std::string suggest_group(const std::string& name) {
  std::vector<std::string> names;
  ::setgrent();
  while (const struct group* one = ::getgrent()) names.emplace_back(one->gr_name);
  ::endgrent();
  return suggestion_for(name, {names.begin(), names.end()});
}

// The max number of a user or group. The next number means "unchanged" in system calls.
constexpr uint64_t kMaxNumber = uint32_t(-2);

Error too_large(const std::string& what, const std::string& number) {
  return Error{"--user: " + number + " is too large for the number of a " + what + ": the maximum is " +
               std::to_string(kMaxNumber)};
}

constexpr uint32_t kBindLowPorts = uint32_t{1} << CAP_NET_BIND_SERVICE;

Status set_capabilities(uint32_t wanted) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  data[0].effective = data[0].permitted = data[0].inheritable = wanted;
  if (::syscall(SYS_capset, &header, data) != 0) return user_error("cannot give up capabilities");
  return {};
}

Status check_capabilities(uint32_t wanted) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  if (::syscall(SYS_capget, &header, data) != 0) return user_error("cannot read the capabilities");
  const uint32_t low = data[0].permitted | data[0].effective;
  if ((low & ~wanted) != 0 || (data[1].permitted | data[1].effective) != 0)
    return Error{"--user: the process still has capabilities of root"};
  return {};
}

}  // namespace

Result<Identity> Identity::find(const std::string& text) {
  const size_t colon = text.find(':');
  Identity out;
  out.name = text.substr(0, colon);
  const auto number = parse_decimal(out.name);
  const passwd* user = ::getpwnam(out.name.c_str());
  if (user == nullptr && number && *number > kMaxNumber) return too_large("user", out.name);
  if (user == nullptr && number) user = ::getpwuid(static_cast<uid_t>(*number));
  if (user != nullptr) {
    out.name = user->pw_name;  // the groups of a user are found by name
    out.user = user->pw_uid;
    out.group = user->pw_gid;
  } else if (number && colon != std::string::npos) {
    out.user = static_cast<uid_t>(*number);
  } else if (number) {
    return Error{"--user: no user has the number " + out.name + ": write " + out.name + ":GROUP"};
  } else {
    return Error{"--user: there is no user `" + out.name + "`" + suggest_user(out.name)};
  }
  if (colon != std::string::npos) {
    const std::string name = text.substr(colon + 1);
    const struct group* found = ::getgrnam(name.c_str());
    const auto group_number = parse_decimal(name);
    if (found == nullptr && group_number && *group_number > kMaxNumber) return too_large("group", name);
    if (found == nullptr && !group_number)
      return Error{"--user: there is no group `" + name + "`" + suggest_group(name)};
    out.group = found != nullptr ? found->gr_gid : static_cast<gid_t>(*group_number);
  }
  if (out.user == 0) return Error{"--user: choose a user other than root, who has no privileges to give up"};
  return out;
}

bool Identity::is_current() const {
  return ::getuid() == user && ::geteuid() == user && ::getegid() == group;
}

Status take_groups(const Identity& identity) {
  if (::geteuid() != 0) {
    const passwd* self = ::getpwuid(::geteuid());
    return Error{"--user: only root can become `" + identity.name + "`; this process is the user `" +
                 (self != nullptr ? std::string(self->pw_name) : std::to_string(::geteuid())) +
                 "`: start it as root, or without --user"};
  }
  if (::initgroups(identity.name.c_str(), identity.group) != 0)
    return user_error("cannot take the user's groups");
  if (::setresgid(identity.group, identity.group, identity.group) != 0)
    return user_error("cannot become the group");
  return {};
}

ActingAs::ActingAs(const Identity* identity) : before_(::geteuid()) {
  if (identity != nullptr && ::seteuid(identity->user) != 0)
    status_ = user_error("cannot act as the user `" + identity->name + "`");
}

ActingAs::~ActingAs() {
  if (::geteuid() != before_) (void)!::seteuid(before_);
}

Status become(const Identity& identity, LowPorts low_ports) {
  const uint32_t kept = low_ports == LowPorts::kKept ? kBindLowPorts : 0;
  if (kept != 0) ::prctl(PR_SET_KEEPCAPS, 1);
  if (::setresuid(identity.user, identity.user, identity.user) != 0)
    return user_error("cannot become the user");
  if (Status set = set_capabilities(kept); !set) return set;
  // Programs inherit only ambient capabilities, and a successor needs this one.
  if (kept != 0 && ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) != 0)
    return user_error("cannot keep CAP_NET_BIND_SERVICE");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return user_error("cannot refuse new privileges");
  if (!identity.is_current() || ::setuid(0) == 0 || ::seteuid(0) == 0 || ::setgid(0) == 0)
    return Error{"--user: the process can still become root again"};
  return check_capabilities(kept);
}

}  // namespace portcullis::control

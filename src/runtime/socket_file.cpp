#include "runtime/socket_file.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace portcullis {

Result<SocketFile> SocketFile::open(const std::string& path) {
  UniqueFd file(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!file) return Error{"cannot open the file of the socket " + path + ": " + std::strerror(errno)};
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISSOCK(status.st_mode) || status.st_uid != ::geteuid() ||
      status.st_nlink != 1)
    return Error{"another program has replaced the socket " + path + " that was just bound"};
  return SocketFile(path, std::move(file));
}

Status SocketFile::set_mode(mode_t mode) {
  // fchmod() does not accept an O_PATH descriptor. Its name below /proc refers to the file itself, even if
  // the file's path changes.
  const std::string name = "/proc/self/fd/" + std::to_string(file_.get());
  if (::chmod(name.c_str(), mode) == 0) return {};
  return Error{"cannot set the permissions of the socket " + path_ + ": " + std::strerror(errno)};
}

void SocketFile::give_to(uid_t user, gid_t group) {
  (void)!::fchownat(file_.get(), "", user, group, AT_EMPTY_PATH);
}

Status SocketFile::set_rights(const SocketFileRights& rights) {
  if (Status owned = rights.group.empty() ? Status() : set_group(rights.group); !owned) return owned;
  return rights.mode ? set_mode(*rights.mode) : Status();
}

Status SocketFile::set_group(const std::string& name) {
  errno = 0;
  const group* known = ::getgrnam(name.c_str());
  if (known == nullptr)
    return Error{"the socket " + path_ + ": " +
                 (errno == 0 ? "there is no group `" + name + "`"
                             : "cannot look up the group `" + name + "`: " + std::strerror(errno))};
  if (::fchownat(file_.get(), "", static_cast<uid_t>(-1), known->gr_gid, AT_EMPTY_PATH) == 0) return {};
  return Error{"cannot give the socket " + path_ + " to the group `" + name + "`: " + std::strerror(errno) +
               (errno == EPERM ? " (the user of the process has to be in it)" : "")};
}

std::string socket_path_of(const std::string& address) {
  constexpr std::string_view kPrefix = "unix:";
  return address.starts_with(kPrefix) ? address.substr(kPrefix.size()) : "";
}

std::optional<SocketFiles::Identity> SocketFiles::identify(const std::string& path) {
  struct stat status {};
  if (path.empty() || ::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return std::nullopt;
  return Identity{status.st_dev, status.st_ino};
}

void SocketFiles::add(const std::string& path) {
  if (const auto found = identify(path)) files_.insert_or_assign(path, *found);
}

void SocketFiles::remove(const std::string& path) {
  const auto known = files_.find(path);
  if (known == files_.end()) return;
  // A file that cannot be removed, because the user may no longer write to the folder, is replaced at the
  // next start.
  if (identify(path) == known->second) ::unlink(path.c_str());
  files_.erase(known);
}

void SocketFiles::remove_all() {
  while (!files_.empty()) remove(std::string(files_.begin()->first));
}

}  // namespace portcullis

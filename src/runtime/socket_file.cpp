#include "runtime/socket_file.h"

#include <fcntl.h>
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
  // A descriptor of the file as such (O_PATH) takes no fchmod(); its name below /proc is not followed
  // further.
  const std::string name = "/proc/self/fd/" + std::to_string(file_.get());
  if (::chmod(name.c_str(), mode) == 0) return {};
  return Error{"cannot set the permissions of the socket " + path_ + ": " + std::strerror(errno)};
}

void SocketFile::give_to(uid_t user, gid_t group) {
  (void)!::fchownat(file_.get(), "", user, group, AT_EMPTY_PATH);
}

}  // namespace portcullis

#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace portcullis {

// Whose a Unix socket's file is to be, and who may connect.
struct SocketFileRights {
  std::optional<mode_t> mode{};
  std::string group{};  // empty: as it is

  bool are_given() const { return mode.has_value() || !group.empty(); }
  bool operator==(const SocketFileRights&) const = default;
};

// The file of a Unix socket that this process has just bound, held so that what is done to it is done to no
// other file: its folder may belong to another user, who could put a symbolic link or a hard link in its
// place while this process is root.
class SocketFile {
 public:
  // An error when the file at `path` is not a socket of this process's user with one name.
  static Result<SocketFile> open(const std::string& path);

  Status set_mode(mode_t mode);
  // The group first, so that at no time a group that is not meant may connect. An error names what the system
  // does not know or allow.
  Status set_rights(const SocketFileRights& rights);
  void give_to(uid_t user, gid_t group);

 private:
  SocketFile(std::string path, UniqueFd file) : path_(std::move(path)), file_(std::move(file)) {}
  Status set_group(const std::string& name);

  std::string path_;
  UniqueFd file_;
};

// The path of "unix:/path"; empty for other addresses.
std::string socket_path_of(const std::string& address);

// The files of Unix sockets that this process removes at its end. One thread.
class SocketFiles {
 public:
  // The file that is at `path` now; nothing is noted where there is no socket, or the path is empty.
  void add(const std::string& path);
  // Removes it, unless another file has taken its place.
  void remove(const std::string& path);
  void remove_all();
  // Leaves them to another process.
  void forget_all() { files_.clear(); }

 private:
  struct Identity {
    dev_t device;
    ino_t inode;
    bool operator==(const Identity&) const = default;
  };
  static std::optional<Identity> identify(const std::string& path);

  std::map<std::string, Identity> files_;
};

}  // namespace portcullis

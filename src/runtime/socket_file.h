#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace portcullis {

// The group and permissions of a Unix socket's file, which decide who may connect.
struct SocketFileRights {
  std::optional<mode_t> mode{};
  std::string group{};  // empty: the group is not changed

  bool are_given() const { return mode.has_value() || !group.empty(); }
  bool operator==(const SocketFileRights&) const = default;
};

// The file of a Unix socket that this process has just bound. The file is held open, so that changes apply to
// this file only: the folder may belong to another user, who could replace the file by a symbolic or hard
// link while this process is root.
class SocketFile {
 public:
  // An error when the file at `path` is not a socket that is owned by this process's user and has a single
  // link.
  static Result<SocketFile> open(const std::string& path);

  Status set_mode(mode_t mode);
  // Sets the group first, so that at no time an unintended group may connect. An error names the group or
  // permission that the system does not know or allow.
  Status set_rights(const SocketFileRights& rights);
  void give_to(uid_t user, gid_t group);

 private:
  SocketFile(std::string path, UniqueFd file) : path_(std::move(path)), file_(std::move(file)) {}
  Status set_group(const std::string& name);

  std::string path_;
  UniqueFd file_;
};

// The path of an address "unix:/path"; empty for other addresses.
std::string socket_path_of(const std::string& address);

// The files of Unix sockets that this process removes when it ends. One thread.
class SocketFiles {
 public:
  // Remembers the file that is at `path` now. Does nothing when `path` is empty or not a socket.
  void add(const std::string& path);
  // Removes the file at `path`, unless it has been replaced by another file.
  void remove(const std::string& path);
  void remove_all();
  // Leaves the files to the process that takes over the sockets.
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

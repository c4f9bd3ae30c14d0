#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace portcullis {

// The file of a Unix socket that this process has just bound, held so that what is done to it is done to no
// other file: its folder may belong to another user, who could put a symbolic link or a hard link in its
// place while this process is root.
class SocketFile {
 public:
  // An error when the file at `path` is not a socket of this process's user with one name.
  static Result<SocketFile> open(const std::string& path);

  Status set_mode(mode_t mode);
  void give_to(uid_t user, gid_t group);

 private:
  SocketFile(std::string path, UniqueFd file) : path_(std::move(path)), file_(std::move(file)) {}

  std::string path_;
  UniqueFd file_;
};

}  // namespace portcullis

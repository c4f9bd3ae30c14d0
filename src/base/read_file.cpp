#include "base/read_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace portcullis {

Result<std::string> read_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  if (file && content << file.rdbuf()) return std::move(content).str();
  // An empty file also sets the fail bit, but not errno.
  if (file.is_open() && errno == 0) return std::string();
  return Error{std::strerror(errno)};
}

}  // namespace portcullis

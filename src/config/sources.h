#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace portcullis::config {

// Where a configuration is read from.
struct Source {
  std::string path;                      // of a file or a folder; for a text, its name in messages
  std::optional<std::string> text = {};  // the configuration as a text; no file is read then
};

// The files that a configuration was read from.
struct Sources {
  std::vector<std::string> files;  // including the folder, if it is one
  uint64_t fingerprint = 0;        // of the contents and of the variables that were used
};

}  // namespace portcullis::config

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace portcullis::config {

// Where a configuration comes from.
struct Source {
  std::string path;                      // of a file or a folder; or, with a text, its name in messages
  std::optional<std::string> text = {};  // the configuration itself, which is then all there is to read
};

// What a configuration was read from.
struct Sources {
  std::vector<std::string> files;  // and the folder, when it is one
  uint64_t fingerprint = 0;        // of their contents and the variables used
};

}  // namespace portcullis::config

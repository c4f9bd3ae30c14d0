#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace portcullis::config {

// What a configuration was read from.
struct Sources {
  std::vector<std::string> files;  // including the folder, if it is one
  uint64_t fingerprint = 0;        // of the contents and of the variables that were used
};

}  // namespace portcullis::config

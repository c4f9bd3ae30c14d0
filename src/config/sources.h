#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace portcullis::config {

// What a configuration was read from.
struct Sources {
  std::vector<std::string> files;  // and the folder, when it is one
  uint64_t fingerprint = 0;        // of their contents and the variables used
};

}  // namespace portcullis::config

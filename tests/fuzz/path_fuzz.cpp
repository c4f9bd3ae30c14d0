#include <cstdint>
#include <cstdlib>
#include <string>

#include "http/characters.h"
#include "http/path.h"

// The canonical form is a fixed point, is absolute, and contains no dot segment and no encoded separator.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string path = "/";
  for (size_t i = 0; i < size; ++i) {
    if (portcullis::http::is_target(static_cast<char>(data[i])) && data[i] != '?')
      path += static_cast<char>(data[i]);
  }
  portcullis::Arena arena;
  const auto canonical = portcullis::http::canonical_path(path, arena);
  if (!canonical) return 0;
  if (canonical->empty() || canonical->front() != '/') std::abort();
  const std::string slashed = std::string(*canonical) + "/";
  if (slashed.find("/./") != std::string::npos || slashed.find("/../") != std::string::npos) std::abort();
  if (slashed.find("%2F") != std::string::npos || slashed.find("%00") != std::string::npos) std::abort();
  const auto again = portcullis::http::canonical_path(*canonical, arena);
  if (!again || *again != *canonical) std::abort();
  return 0;
}

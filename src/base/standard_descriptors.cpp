#include "base/standard_descriptors.h"

#include <fcntl.h>
#include <unistd.h>

namespace portcullis {

void open_standard_descriptors() {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) >= 0) continue;
    // open() returns the lowest free descriptor, which is the closed one. Without /dev the root folder is
    // opened instead; writing to it fails.
    if (::open("/dev/null", O_RDWR) < 0) (void)!::open("/", O_RDONLY | O_DIRECTORY);
  }
}

}  // namespace portcullis

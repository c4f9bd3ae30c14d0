#include "base/standard_descriptors.h"

#include <fcntl.h>
#include <unistd.h>

namespace portcullis {

void open_standard_descriptors() {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) >= 0) continue;
    // The lowest free one is this one. Without /dev a folder takes its place: writing to it fails.
    if (::open("/dev/null", O_RDWR) < 0) (void)!::open("/", O_RDONLY | O_DIRECTORY);
  }
}

}  // namespace portcullis

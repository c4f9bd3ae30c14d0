// Preloaded into a process, this makes each rename() wait for as long as the file exists that HELD_RENAME
// names. A test that creates and removes the file chooses how long a process stays in the step of its start
// that renames.

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern "C" int rename(const char* from, const char* to) {
  static const auto real = reinterpret_cast<int (*)(const char*, const char*)>(dlsym(RTLD_NEXT, "rename"));
  const char* held = getenv("HELD_RENAME");
  while (held != nullptr && access(held, F_OK) == 0) usleep(10'000);
  return real(from, to);
}

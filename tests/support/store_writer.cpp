// Writes revisions to a store until it is killed, and prints the number of each one that was stored:
//
//   store_writer STORE COUNT OBJECTS [CALL]
//
// The first revision has OBJECTS objects, and each later one changes one of them. With CALL, the process
// kills itself at its system call of that number that changes a file: half of a write is done, and nothing of
// the other calls. At the end the program prints the median time of an append and the size of the store.
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/wall_clock.h"
#include "store/store.h"

namespace {

using namespace portcullis;

long calls_left = 0;  // 0: the process is not killed

// True when this is the call at which the process is to be killed.
bool is_last_call() {
  return calls_left > 0 && --calls_left == 0;
}
[[noreturn]] void die() {
  ::kill(::getpid(), SIGKILL);
  std::abort();
}

ssize_t dying_pwrite(int file, const void* bytes, size_t size, off_t offset) {
  if (!is_last_call()) return ::pwrite(file, bytes, size, offset);
  [[maybe_unused]] const ssize_t half = ::pwrite(file, bytes, size / 2, offset);
  die();
}
int dying_truncate(int file, off_t size) {
  if (is_last_call()) die();
  return ::ftruncate(file, size);
}
int dying_unlink(const char* path) {
  if (is_last_call()) die();
  return ::unlink(path);
}

void replace_system_call(const char* name, sqlite3_syscall_ptr function) {
  sqlite3_vfs* system = sqlite3_vfs_find(nullptr);
  if (system->xSetSystemCall(system, name, function) != SQLITE_OK) std::abort();
}

store::Object object(size_t index, size_t revision) {
  const std::string number = std::to_string(index);
  return {.id = {"routes", "route-" + number},
          .json = R"({"match":{"path_prefix":"/v1/)" + number + R"("},"revision":)" +
                  std::to_string(revision) +
                  R"(,"timeouts":{"response":"30s"},"upstream":"orders","token":"secret-)" + number + R"("})",
          .secrets = index % 100 == 0 ? std::vector<std::string>{"/token"} : std::vector<std::string>{}};
}

int fail(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  return 1;
}

}  // namespace

int main(int count, char** words) {
  if (count < 4) return fail("store_writer STORE COUNT OBJECTS [CALL]");
  const std::string path = words[1];
  const size_t revisions = std::strtoul(words[2], nullptr, 10), objects = std::strtoul(words[3], nullptr, 10);
  if (count > 4) calls_left = std::strtol(words[4], nullptr, 10);
  replace_system_call("pwrite", reinterpret_cast<sqlite3_syscall_ptr>(dying_pwrite));
  replace_system_call("pwrite64", reinterpret_cast<sqlite3_syscall_ptr>(dying_pwrite));
  replace_system_call("ftruncate", reinterpret_cast<sqlite3_syscall_ptr>(dying_truncate));
  replace_system_call("unlink", reinterpret_cast<sqlite3_syscall_ptr>(dying_unlink));

  auto opened = store::Store::open({path, path + ".key"}, sqlite::Database::IfAbsent::kCreate);
  if (!opened) return fail(opened.error().message);
  std::vector<double> times;
  for (size_t i = 0; i < revisions; ++i) {
    const auto newest = opened->newest();
    if (!newest) return fail(newest.error().message);
    store::Changes changes;
    for (size_t index = 0; index < (*newest == 0 ? objects : 1); ++index)
      changes.put.push_back(object(*newest == 0 ? index : *newest % objects, *newest + 1));
    const auto begin = std::chrono::steady_clock::now();
    const auto outcome = opened->append(
        {.newest = *newest, .time = current_second(), .author = "writer", .message = ""}, changes);
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
    if (!outcome) return fail(outcome.error().message);
    if (const auto* appended = std::get_if<store::Appended>(&*outcome)) {
      std::printf("%llu\n", static_cast<unsigned long long>(appended->revision.number));
      std::fflush(stdout);
    }
  }
  const double first = times.front();
  std::sort(times.begin(), times.end());
  std::fprintf(stderr, "median %.2f ms, first %.0f ms, %ju bytes\n", times[times.size() / 2], first,
               static_cast<uintmax_t>(std::filesystem::file_size(path)));
  return 0;
}

#include "telemetry/process.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

namespace portcullis::telemetry {
namespace {

// Since Linux 6.2 the folder's size says so; before, one has to count.
double count_descriptors() {
  struct stat folder {};
  if (::stat("/proc/self/fd", &folder) == 0 && folder.st_size > 0) return static_cast<double>(folder.st_size);
  DIR* open = ::opendir("/proc/self/fd");
  if (open == nullptr) return 0;
  int count = -3;  // itself, and the two names of folders
  while (::readdir(open) != nullptr) ++count;
  ::closedir(open);
  return count;
}

double read_resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  unsigned long all = 0, resident = 0;
  const int read = std::fscanf(file, "%lu %lu", &all, &resident);
  std::fclose(file);
  return read == 2 ? static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) : 0;
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

// As near as a static object's construction is.
const double kStarted =
    std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();

}  // namespace

ProcessState read_process_state() {
  ProcessState out;
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0)
    out.cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  out.resident_bytes = read_resident_bytes();
  out.open_descriptors = count_descriptors();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) out.most_descriptors = static_cast<double>(limit.rlim_cur);
  out.started_at = kStarted;
  return out;
}

}  // namespace portcullis::telemetry

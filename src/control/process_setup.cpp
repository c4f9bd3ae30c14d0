#include "control/process_setup.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace portcullis::control {
namespace {

// The descriptors of the process: standard descriptors, loops, signals, watches of files, name resolution,
// logs and the admin listener, and room for reading the configuration's files and for a few connections.
constexpr size_t kOfProcess = 42;
// The descriptors of a worker: its loop, the wake-up, the ring of io_uring, and some connections.
constexpr size_t kOfWorker = 3 + 4;
// The descriptors for a listener in each worker: the socket that is kept for a successor, and the worker's
// duplicate.
constexpr size_t kOfSocket = 2;

Status check_descriptors(size_t wanted, const std::string& what) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return {};
  return Error{
      "the limit of " + std::to_string(limit.rlim_cur) + " file descriptors is too low: " + what +
      " at least " + std::to_string(wanted) +
      ", and each connection 2 more; raise it to 8192 or more (`ulimit -n`, LimitNOFILE= of a systemd unit)"};
}

}  // namespace

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Status check_descriptor_limit() {
  return check_descriptors(kOfProcess, "the gateway needs");
}

Status check_descriptor_limit(size_t workers, size_t listeners) {
  return check_descriptors(kOfProcess + workers * (kOfWorker + listeners * kOfSocket),
                           "with workers: " + std::to_string(workers) +
                               " and listeners: " + std::to_string(listeners) + " the gateway needs");
}

void set_core_dumps(CoreDumps wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_CORE, &limit) != 0) return;
  // With the limit 0 the kernel still passes the memory to a program that /proc/sys/kernel/core_pattern
  // names. A limit of one byte is too small for a file, and with it the kernel passes nothing to a program
  // either (do_coredump()).
  limit.rlim_cur = wanted == CoreDumps::kYes ? limit.rlim_max : limit.rlim_max == 0 ? 0 : 1;
  ::setrlimit(RLIMIT_CORE, &limit);
  // The kernel clears this flag when a process changes its user.
  if (wanted == CoreDumps::kYes) ::prctl(PR_SET_DUMPABLE, 1);
}

void restrict_file_modes() {
  ::umask(::umask(077) | 027);
}

}  // namespace portcullis::control

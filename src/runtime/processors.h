#pragma once

#include <string>
#include <string_view>

namespace portcullis {

// The number of processors that this process may use: the number of processors in its affinity mask, or less
// when a control group limits it (cpu.max of its group or of a parent group; cpu.cfs_quota_us in version 1).
// A quota of one and a half processors is 1.5.
double usable_processors();

// The same computation for tests: `cores` is the size of the affinity mask, `groups` the text of
// /proc/self/cgroup, and `root` takes the place of /sys/fs/cgroup.
double usable_processors(unsigned cores, std::string_view groups, const std::string& root);

// The number of workers for `workers: 0`: usable_processors(), rounded up.
unsigned default_workers();

}  // namespace portcullis

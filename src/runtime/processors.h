#pragma once

#include <string>
#include <string_view>

namespace portcullis {

// How many processors this process may use: those that it may run on, or less where a control group has a
// quota (cpu.max of the group or of one above it; in version 1 cpu.cfs_quota_us). A quota of one and a half
// is 1.5.
double usable_processors();

// The same from `cores`, from the text of /proc/self/cgroup and the files below `root` (/sys/fs/cgroup).
double usable_processors(unsigned cores, std::string_view groups, const std::string& root);

// The workers that a configuration with `workers: 0` has: a quota is rounded up.
unsigned default_workers();

}  // namespace portcullis

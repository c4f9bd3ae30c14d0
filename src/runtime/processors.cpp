#include "runtime/processors.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <thread>

namespace portcullis {
namespace {

// The number of processors that a CPU quota allows: quota divided by period. 0 when there is no quota.
double allowed_by(const std::string& quota, double period) {
  double time = 0;
  if (!(std::istringstream(quota) >> time) || time <= 0 || period <= 0) return 0;
  return time / period;
}

double quota_of(const std::string& folder) {
  std::string quota;
  double period = 0;
  if (std::ifstream(folder + "/cpu.max") >> quota >> period) return allowed_by(quota, period);
  if (std::ifstream(folder + "/cpu.cfs_quota_us") >> quota &&
      std::ifstream(folder + "/cpu.cfs_period_us") >> period)
    return allowed_by(quota, period);
  return 0;
}

// The control group's path from a line "0::/path" or "4:cpu,cpuacct:/path"; empty for other controllers.
std::string_view path_in(std::string_view line) {
  const size_t first = line.find(':');
  const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
  if (second == std::string_view::npos) return {};
  const std::string controllers = "," + std::string(line.substr(first + 1, second - first - 1)) + ",";
  return controllers == ",," || controllers.find(",cpu,") != std::string::npos ? line.substr(second + 1)
                                                                               : std::string_view();
}

}  // namespace

double usable_processors(unsigned cores, std::string_view groups, const std::string& root) {
  double usable = std::max(1u, cores);
  const auto limit = [&usable](double quota) {
    if (quota > 0) usable = std::min(usable, quota);
  };
  while (!groups.empty()) {
    const std::string_view line = groups.substr(0, groups.find('\n'));
    groups.remove_prefix(std::min(line.size() + 1, groups.size()));
    // In a container the path may be one of the host that is not visible here; the mounted root then has the
    // container's quota.
    std::string path(path_in(line));
    const std::string hierarchy = line.starts_with("0:") ? root : root + "/cpu";
    for (; path.size() > 1; path.resize(path.rfind('/'))) limit(quota_of(hierarchy + path));
  }
  limit(quota_of(root));
  limit(quota_of(root + "/cpu"));
  return usable;
}

double usable_processors() {
  std::ifstream file("/proc/self/cgroup");
  const std::string groups{std::istreambuf_iterator<char>(file), {}};
  return usable_processors(std::thread::hardware_concurrency(), groups, "/sys/fs/cgroup");
}

unsigned default_workers() {
  return static_cast<unsigned>(std::ceil(usable_processors()));
}

}  // namespace portcullis

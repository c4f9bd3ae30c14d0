#include "control/offline_snapshot.h"

#include <system_error>

namespace portcullis::control {

OfflineSnapshot::OfflineSnapshot(const Say& say)
    : services_(1, control_, metrics_.of_policies(), say), kept_{.tls = TlsState(say)} {}

OfflineSnapshot::~OfflineSnapshot() {
  services_.stop();
}

Result<std::unique_ptr<OfflineSnapshot>> OfflineSnapshot::compile(const config::Config& config,
                                                                  const Say& say) try {
  std::unique_ptr<OfflineSnapshot> out(new OfflineSnapshot(say));
  auto compiled = compile_snapshot(config, 1, out->metrics_, out->services_, out->kept_);
  if (!compiled) return compiled.error();
  out->snapshot_ = std::move(*compiled);
  return out;
} catch (const std::system_error& problem) {  // thrown when the system allows no further thread or loop
  return Error{problem.what()};
}

}  // namespace portcullis::control

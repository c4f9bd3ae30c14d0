#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/loader.h"
#include "control/load_config.h"
#include "control/snapshot.h"
#include "policy/counters.h"
#include "policy/registry.h"

// Any text either loads or is refused with a diagnostic; a text that loads also compiles.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  portcullis::config::Diagnostics diagnostics;
  const auto config = portcullis::config::load_text({reinterpret_cast<const char*>(data), size}, "f",
                                                    portcullis::policy::catalog(), diagnostics);
  if (!config && !diagnostics.has_errors()) std::abort();
  if (!config) return 0;
  portcullis::control::check_config(*config, diagnostics);
  if (diagnostics.has_errors()) return 0;
  portcullis::EventLoop loop;  // never runs, so nothing is fetched
  portcullis::telemetry::Registry metrics(1);
  portcullis::policy::Services services(1, loop, metrics.of_policies(),
                                        [](portcullis::Level, const std::string&) {});
  services.get<portcullis::policy::Counters>({.bytes = 1 << 12});
  portcullis::control::Kept kept{portcullis::control::TlsState([](portcullis::Level, const std::string&) {})};
  (void)portcullis::control::compile_snapshot(*config, 1, metrics, services, kept);
  return 0;
}

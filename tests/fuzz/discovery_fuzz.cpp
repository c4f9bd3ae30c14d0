#include <cstdint>
#include <cstdlib>
#include <string>

#include "discovery/source.h"

using namespace portcullis;

// Whatever name servers, Consul, etcd and files say, it is targets or a named problem. The first byte says
// who speaks.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto quiet = [](const std::string&) {};
  std::string problem;
  switch (data[0]) {
    case 'c': {
      for (const config::Target& one : discovery::read_consul(text, problem, quiet)) {
        if (!config::check_target_address(one.address).empty()) std::abort();
      }
      break;
    }
    case 'e': {
      for (const config::Target& one : discovery::read_etcd(text, problem, quiet)) {
        if (!config::check_target_address(one.address).empty()) std::abort();
      }
      break;
    }
    case 'f': {
      config::Diagnostics diagnostics;
      for (const config::Target& one : config::load_targets(text, "f", diagnostics)) {
        if (!diagnostics.has_errors() && !config::check_target_address(one.address).empty()) std::abort();
      }
      break;
    }
    default: {
      const Resolver::ServiceAnswer answer = Resolver::read_service({data + 1, size - 1});
      if (answer.records.empty() == answer.error.empty()) std::abort();
    }
  }
  return 0;
}

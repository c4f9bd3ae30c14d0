#include <cstdint>
#include <cstdlib>
#include <string>

#include "discovery/source.h"

using namespace portcullis;

namespace {

void check(const Result<discovery::Listing>& listing) {
  if (!listing) return;
  for (const config::Target& one : listing->targets) {
    if (!config::check_target_address(one.address).empty()) std::abort();
  }
}

}  // namespace

// Any data from name servers, Consul, etcd and files yields targets or a message. The first byte chooses the
// source.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto quiet = [](portcullis::Level, const std::string&) {};
  switch (data[0]) {
    case 'c': check(discovery::read_consul(text, quiet)); break;
    case 'e': check(discovery::read_etcd(text, quiet)); break;
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

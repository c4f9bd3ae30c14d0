#include <cstdint>
#include <cstdlib>

#include "proxy/proxy_protocol.h"

using namespace portcullis::proxy;
using portcullis::upstream::ProxyProtocol;

// A header that was read, then written, is read again as the same; no prefix of a valid header is refused.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ProxyHeader header;
  if (parse_proxy_header(text, header) != ProxyHeaderState::kDone) return 0;
  if (header.size > size || header.size > kMaxProxyHeader) std::abort();
  ProxyHeader again;
  if (parse_proxy_header(text.substr(0, header.size - 1), again) != ProxyHeaderState::kIncomplete)
    std::abort();
  for (const ProxyProtocol version : {ProxyProtocol::k1, ProxyProtocol::k2}) {
    char buffer[kMaxWritten];
    const size_t written = write_proxy_header(buffer, version, header.source, header.source);
    if (parse_proxy_header({buffer, written}, again) != ProxyHeaderState::kDone) std::abort();
    if (again.source != header.source || again.size != written) std::abort();
  }
  return 0;
}

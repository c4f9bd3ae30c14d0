#include "tls/openssl.h"

#include <openssl/err.h>

namespace portcullis::tls {

std::string take_error(const std::string& fallback) {
  const unsigned long first = ERR_get_error();
  ERR_clear_error();
  const char* reason = first == 0 ? nullptr : ERR_reason_error_string(first);
  return reason == nullptr ? fallback : reason;
}

}  // namespace portcullis::tls

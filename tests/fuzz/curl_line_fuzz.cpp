// Command lines that users paste: the result is either a request with a method and a URL, or an error.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "control/explain.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto question = portcullis::control::read_curl_line({reinterpret_cast<const char*>(data), size});
  const bool good =
      question ? !question->method.empty() || !question->url.empty() : !question.error().message.empty();
  if (!good) std::abort();
  return 0;
}

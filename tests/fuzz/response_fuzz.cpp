#include <cstdint>
#include <string_view>

#include "http/h1/head_parser.h"

using namespace portcullis::http;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const char* method : {"GET", "HEAD"}) {
    h1::ResponseParser parser(h1::HeadLimits{});
    ResponseHead head;
    if (parser.parse(text, method, head) == h1::ParseState::kDone && parser.head_size() > size)
      __builtin_trap();
  }
  return 0;
}

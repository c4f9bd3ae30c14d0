#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/h1/chunked_decoder.h"

using portcullis::http::h1::ChunkedDecoder;

namespace {

std::string decode(std::string_view text, size_t step, ChunkedDecoder::Result& last) {
  ChunkedDecoder decoder;
  std::string out;
  last = ChunkedDecoder::Result::kNeedMore;
  for (size_t at = 0; at < text.size() && last == ChunkedDecoder::Result::kNeedMore; at += step) {
    std::string_view piece = text.substr(at, step), data;
    while ((last = decoder.next(piece, data)) == ChunkedDecoder::Result::kData) out += data;
  }
  return out;
}

}  // namespace

// The result of decoding must not depend on how the bytes are split.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  ChunkedDecoder::Result whole_result, pieces_result;
  const std::string whole = decode(text, text.size() + 1, whole_result);
  const std::string pieces = decode(text, data[0] % 7 + 1, pieces_result);
  if (whole != pieces || whole_result != pieces_result) std::abort();
  return 0;
}

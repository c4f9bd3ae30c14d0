#include <cstdint>
#include <cstdlib>
#include <string>

#include "compression/decoder.h"
#include "compression/encoder.h"

using namespace portcullis::compression;

// The first byte chooses the coding and how the rest is split. The input may be invalid, but the output must
// not depend on the split; and compressed data must decompress to the original.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto coding = static_cast<Coding>(data[0] % 3);
  const size_t piece = data[0] / 3 + 1;
  const std::string_view packed(reinterpret_cast<const char*>(data + 1), size - 1);
  std::string at_once, in_pieces;
  const auto whole = Decoder::make(coding);
  const bool good = whole->write(packed, at_once);
  const auto cut = Decoder::make(coding);
  bool still_good = true;
  for (size_t i = 0; i < packed.size() && still_good; i += piece) {
    still_good = cut->write(packed.substr(i, piece), in_pieces, piece);
    while (still_good && cut->has_more()) still_good = cut->more(in_pieces, piece);
  }
  if (good && still_good && (at_once != in_pieces || whole->is_complete() != cut->is_complete()))
    std::abort();

  const auto encoder =
      Encoder::make(coding, 1, data[0] % 2 == 0 ? std::optional(packed.size()) : std::nullopt);
  std::string compressed, back;
  for (size_t i = 0; i < packed.size(); i += 64) encoder->write(packed.substr(i, 64), compressed);
  encoder->finish(compressed);
  const auto decoder = Decoder::make(coding);
  if (!decoder->write(compressed, back) || !decoder->is_complete() || back != packed) std::abort();
  return 0;
}

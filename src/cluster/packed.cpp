#include "cluster/packed.h"

#include "compression/decoder.h"
#include "compression/encoder.h"

namespace portcullis::cluster {

std::string pack(std::string_view text) {
  constexpr int kLevel = 3;
  std::string out;
  const auto encoder = compression::Encoder::make(compression::Coding::kZstd, kLevel, text.size());
  encoder->write(text, out);
  encoder->finish(out);
  return out;
}

Result<std::string> unpack(std::string_view bytes) {
  std::string out;
  const auto decoder = compression::Decoder::make(compression::Coding::kZstd);
  if (!decoder->write(bytes, out, kMaxUnpacked) || decoder->has_more() || !decoder->is_complete())
    return Error{"what etcd has is damaged, or too large"};
  return out;
}

}  // namespace portcullis::cluster

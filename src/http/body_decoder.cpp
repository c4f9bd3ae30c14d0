#include "http/body_decoder.h"

#include <algorithm>
#include <utility>

namespace portcullis::http {

size_t BodyDecoder::take(std::string_view& input, Gather& out) {
  size_t bytes = 0;
  while (!is_done_ && !input.empty() && !out.is_full()) {
    std::string_view run;
    switch (kind_) {
      case BodyKind::kNone: return bytes;
      case BodyKind::kUntilClose:
      case BodyKind::kStream: run = std::exchange(input, {}); break;
      case BodyKind::kLength:
        run = input.substr(0, static_cast<size_t>(std::min<uint64_t>(remaining_, input.size())));
        input.remove_prefix(run.size());
        skip(run.size());
        break;
      case BodyKind::kChunked:
        using Result = h1::ChunkedDecoder::Result;
        const Result result = chunks_.next(input, run);
        if (result == Result::kFailed) return bytes;
        is_done_ = result == Result::kDone;
        break;
    }
    out.add(run);
    bytes += run.size();
  }
  return bytes;
}

}  // namespace portcullis::http

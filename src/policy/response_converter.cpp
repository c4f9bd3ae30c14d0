#include "policy/response_converter.h"

namespace portcullis::policy {

Task<ResponseConverter::Step> encode_in_parts(ResponseConverter& encoder, std::string_view data,
                                              std::string& out, EventLoop& loop) {
  for (;;) {
    const std::string_view part = data.substr(0, kMaxConvertedAtOnce);
    ResponseConverter::Step step = encoder.convert(part, out);
    while (step == ResponseConverter::Step::kMore) {
      if (loop.round_is_long()) co_await next_round(loop);
      step = encoder.more(out);
    }
    data.remove_prefix(part.size());
    if (step != ResponseConverter::Step::kDone || data.empty()) co_return step;
    if (loop.round_is_long()) co_await next_round(loop);
  }
}

}  // namespace portcullis::policy

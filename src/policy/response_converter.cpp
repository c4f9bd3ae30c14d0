#include "policy/response_converter.h"

namespace portcullis::policy {

Task<ResponseConverter::Step> encode_in_parts(ResponseConverter& encoder, std::string_view data,
                                              std::string& out, EventLoop& loop) {
  for (;;) {
    const std::string_view part = data.substr(0, kMaxConvertedAtOnce);
    ResponseConverter::Step step = encoder.convert(part, out);
    while (step == ResponseConverter::Step::kMore) {
      co_await sleep_for(loop, Milliseconds(0));
      step = encoder.more(out);
    }
    data.remove_prefix(part.size());
    if (step != ResponseConverter::Step::kDone || data.empty()) co_return step;
    co_await sleep_for(loop, Milliseconds(0));
  }
}

}  // namespace portcullis::policy

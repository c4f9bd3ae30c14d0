#include <cstdint>
#include <cstdlib>
#include <string>

#include "http/h1/head_parser.h"

using namespace portcullis::http;

// A head that is parsed whole, and one that is parsed in two pieces with a moved buffer, must have the same
// result.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t cut = text.empty() ? 0 : data[0] % (text.size() + 1);

  h1::RequestParser whole(h1::HeadLimits{});
  RequestHead head;
  const h1::ParseState state = whole.parse(text, head);

  h1::RequestParser pieces(h1::HeadLimits{});
  RequestHead again;
  const std::string first = text.substr(0, cut);
  h1::ParseState second_state = pieces.parse(first, again);
  if (second_state == h1::ParseState::kNeedMore) second_state = pieces.parse(text, again);
  if (state != second_state) std::abort();
  if (state == h1::ParseState::kDone) {
    if (head.method != again.method || head.path != again.path || head.authority != again.authority ||
        head.fields.size() != again.fields.size() || whole.head_size() != pieces.head_size()) {
      std::abort();
    }
    if (head.body.kind == BodyKind::kChunked && head.fields.find(FieldId::kContentLength)) std::abort();
  }
  return 0;
}

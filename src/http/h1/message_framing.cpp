#include "http/h1/message_framing.h"

#include <charconv>
#include <utility>

namespace portcullis::http::h1 {

void MessageFraming::frame(Gather& runs, size_t size, bool last, std::string_view trailers) {
  if (body_ == BodyKind::kChunked) {
    if (size > 0) {
      const auto [end, error] = std::to_chars(size_line_.data(), size_line_.data() + 16, size, 16);
      end[0] = '\r';
      end[1] = '\n';
      runs.put_before({size_line_.data(), static_cast<size_t>(end + 2 - size_line_.data())});
      runs.put_behind("\r\n");
    }
    if (last) {
      runs.put_behind(trailers.empty() ? "0\r\n\r\n" : "0\r\n");
      runs.put_behind(trailers);
      if (!trailers.empty()) runs.put_behind("\r\n");
    }
  }
  if (!std::exchange(has_head_, false)) return;
  // To copy a small body behind its head costs less than a gathered write.
  if (last && size <= head_.room()) {
    for (const iovec& run : runs.pieces()) head_.write(text_of(run));
    runs.clear();
  }
  runs.put_before(head_.text());
}

size_t copied_size(std::string_view body) {
  static constexpr size_t kMaxCopied = 4096;
  return body.size() <= kMaxCopied ? body.size() : 0;
}

std::span<iovec> gather_whole(HeadWriter& head, std::string_view body, std::span<iovec, 2> pieces) {
  const size_t copied = copied_size(body);
  if (copied > 0) head.write(body);
  pieces[0] = head.piece();
  pieces[1] = {const_cast<char*>(body.data()), body.size()};
  return pieces.first(copied == body.size() ? 1 : 2);
}

void write_upgrade(HeadWriter& out, const Fields& fields) {
  for (const Field& field : fields) {
    if (field.id == FieldId::kUpgrade) out.field("upgrade", field.value);
  }
}

}  // namespace portcullis::http::h1

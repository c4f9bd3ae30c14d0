#include "http/read_body.h"

namespace portcullis::http {

using State = BodySource::State;

Task<bool> read_part(BodySource& source, BodyPart& part) {
  for (;;) {
    part.clear();
    const State state = source.next(part);
    if (state != State::kWait) co_return state == State::kPart;
    Task<void> waiting = source.wait();
    co_await waiting;
  }
}

Task<bool> collect_body(BodySource& source, std::string& out, ReadUntil until, bool& ended,
                        std::string* trailers) {
  BodyPart part;
  uint64_t bytes = 0;
  do {
    Task<bool> reading = read_part(source, part);
    if (!co_await reading) co_return false;
    for (const iovec& run : part.runs.pieces()) out += text_of(run);
    bytes += part.size;
    ended = part.last;
  } while (!ended && (until == ReadUntil::kEnd || bytes == 0));
  if (trailers != nullptr) *trailers = std::move(part.trailers);
  co_return true;
}

Task<bool> discard_body(BodySource& source) {
  BodyPart part;
  source.head_sent();
  do {
    Task<bool> reading = read_part(source, part);
    if (!co_await reading) co_return false;
  } while (!part.last);
  co_return true;
}

}  // namespace portcullis::http

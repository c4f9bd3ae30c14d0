#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "http/body_source.h"
#include "runtime/frame_pool.h"

namespace portcullis::proxy {

// A copy of a body, up to `limit` bytes.
struct BodyCopy {
  std::string text{};
  size_t limit = 0;
  bool too_large = false;  // the body is larger than `limit`, so `text` is incomplete
  bool is_whole = false;   // the end of the body has been reached

  void clear() {
    text.clear();
    too_large = is_whole = false;
  }
  void add(std::string_view data) {
    too_large |= data.size() > limit - text.size();
    if (!too_large) text += data;
  }
};

// A stage that copies the body into `copy`. `copy` outlives this object.
class CopyStage final : public http::BodyStage, public Pooled {
 public:
  CopyStage(std::unique_ptr<http::BodySource> from, BodyCopy& copy)
      : BodyStage(std::move(from)), copy_(copy) {}

  State next(http::BodyPart& part) override {
    const State state = from().next(part);
    if (state != State::kPart) return state;
    for (const iovec& run : part.runs.pieces()) copy_.add(http::text_of(run));
    copy_.is_whole |= part.last;
    return state;
  }

 private:
  BodyCopy& copy_;
};

}  // namespace portcullis::proxy

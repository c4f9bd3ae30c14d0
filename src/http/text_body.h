#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "http/body_source.h"

namespace portcullis::http {

// A body that is a text in memory. The text outlives this object.
class TextBody : public BodySource {
 public:
  explicit TextBody(std::string_view text) : text_(text) {}

  State next(BodyPart& part) override {
    part.runs.add(text_);
    part.size = text_.size();
    part.last = true;
    return State::kPart;
  }
  Task<void> wait() override { co_return; }
  const BodyFailure& failure() const override { return failure_; }
  bool has_length() const override { return true; }

 protected:
  void set_text(std::string_view text) { text_ = text; }

 private:
  std::string_view text_;
  BodyFailure failure_;
};

// A TextBody that owns its text.
class HeldText final : public TextBody {
 public:
  explicit HeldText(std::string text) : TextBody({}), held_(std::move(text)) { set_text(held_); }

 private:
  std::string held_;
};

// A stage that returns a text, which was made from the beginning of a body or from the whole body, and then
// the rest of the body if there is any.
class TextStage final : public BodyStage {
 public:
  enum class Rest : uint8_t { kFollows, kNothing };

  // `trailers` are the trailers of the body, if `rest` is kNothing.
  TextStage(std::unique_ptr<BodySource> from, std::string text, Rest rest, std::string trailers = {})
      : BodyStage(std::move(from)), text_(std::move(text)), rest_(rest), trailers_(std::move(trailers)) {}

  State next(BodyPart& part) override {
    if (std::exchange(has_given_, true)) return from().next(part);
    part.runs.add(text_);
    part.size = text_.size();
    part.last = rest_ == Rest::kNothing;
    if (part.last) part.trailers = std::move(trailers_);
    return State::kPart;
  }
  bool holds_head() const override { return !has_given_; }

 private:
  std::string text_;
  Rest rest_;
  std::string trailers_;
  bool has_given_ = false;
};

}  // namespace portcullis::http

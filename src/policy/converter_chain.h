#pragma once

#include <string>
#include <string_view>

#include "policy/response_converter.h"

namespace portcullis::policy {

// Two converters one after the other, which outlive it. The second is an encoder, which puts nothing off.
class ConverterChain final : public ResponseConverter {
 public:
  ConverterChain(ResponseConverter& first, ResponseConverter& second, EventLoop& loop)
      : first_(first), second_(second), loop_(loop) {}

  Way begin(http::ResponseHead&) override { return Way::kStream; }
  Step convert(std::string_view data, std::string& out) override {
    between_.clear();
    return encode(first_.convert(data, between_), out);
  }
  Step more(std::string& out) override {
    if (second_has_more_) return after(second_.more(out), out);
    between_.clear();
    return encode(first_.more(between_), out);
  }
  Step finish(std::string_view trailers, std::string& out) override {
    between_.clear();
    ends_ = true;
    trailers_ = first_.keeps_trailers() ? trailers : std::string_view();
    return encode(first_.finish(trailers, between_), out);
  }
  Task<Step> proceed(std::string& out) override {
    Task<Step> proceeding = first_.proceed(between_);
    const Step step = co_await proceeding;
    if (step != Step::kDone && step != Step::kMore) co_return step;
    first_has_more_ = step == Step::kMore;
    Task<Step> encoding = encode_in_parts(second_, between_, out, loop_);
    const Step encoded = co_await encoding;
    // What was large once would be held as long as the response lasts.
    if (between_.capacity() > kMaxConvertedAtOnce) between_ = std::string();
    co_return after(encoded, out);
  }
  void give_up() override { first_.give_up(); }
  void flush(std::string& out) override {
    between_.clear();
    first_.flush(between_);
    if (!between_.empty()) {
      for (Step step = second_.convert(between_, out); step == Step::kMore;) step = second_.more(out);
    }
    second_.flush(out);
  }
  bool waits_for_all() const override { return first_.waits_for_all() || second_.waits_for_all(); }
  bool checks_beginning() const override { return first_.checks_beginning() || second_.checks_beginning(); }
  bool keeps_trailers() const override { return first_.keeps_trailers() && second_.keeps_trailers(); }
  const EndReason& failure() const override { return first_.failure(); }

 private:
  // The first has come to `step`: the second gets what there is.
  Step encode(Step step, std::string& out) {
    if (step != Step::kDone && step != Step::kMore) return step;
    first_has_more_ = step == Step::kMore;
    return after(second_.convert(between_, out), out);
  }
  // The second has come to `step`.
  Step after(Step step, std::string& out) {
    second_has_more_ = step == Step::kMore;
    if (step != Step::kDone) return step;
    if (first_has_more_) return Step::kMore;
    return ends_ ? second_.finish(trailers_, out) : Step::kDone;
  }

  ResponseConverter& first_;
  ResponseConverter& second_;
  EventLoop& loop_;
  std::string between_;
  std::string_view trailers_;
  bool first_has_more_ = false;
  bool second_has_more_ = false;
  bool ends_ = false;  // finish() has been called
};

}  // namespace portcullis::policy

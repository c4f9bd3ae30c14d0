#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/body_source.h"
#include "policy/body_converter.h"
#include "runtime/frame_pool.h"

namespace portcullis::policy {

// Passes a body through a converter, piece by piece. In long work other exchanges have their turn.
class ConvertStage final : public http::BodyStage, public Pooled {
 public:
  // `loop`, which is the worker's, outlives this.
  ConvertStage(std::unique_ptr<http::BodySource> from, std::unique_ptr<BodyConverter> converter,
               EventLoop& loop)
      : BodyStage(std::move(from)), converter_(std::move(converter)), loop_(loop) {}

  State next(http::BodyPart& part) override;
  Task<void> wait() override;
  const http::BodyFailure& failure() const override {
    return failure_.kind != http::BodyFailure::Kind::kNone ? failure_ : from().failure();
  }
  bool holds_head() const override {
    return converter_->waits_for_all() || (!has_made_ && converter_->checks_beginning()) ||
           from().holds_head();
  }
  bool waits_for_peer() const override { return pending_ == Pending::kSource && from().waits_for_peer(); }
  void release() override {}
  void file_sent(size_t, int) override {}
  void detach() override {
    converter_->detach();
    from().detach();
  }
  void cancel() override {
    converter_->give_up();
    from().cancel();
  }

 private:
  using Step = BodyConverter::Step;
  enum class Pending : uint8_t { kNothing, kSource, kWork, kTurn };

  // A step of the converter that has something to convert; false where there is nothing.
  bool has_work() {
    return has_more_ || !data_.empty() || next_run_ < given_.runs.pieces().size() || is_ending_;
  }
  // As much has been made as is passed on at once.
  bool has_enough() const { return out_.size() >= kMaxMadeAtOnce && !converter_->waits_for_all(); }
  Step step();
  State give(http::BodyPart& part);
  State fail(Step step);
  bool wants_flush() const { return fed_ || !converter_->checks_beginning(); }

  std::unique_ptr<BodyConverter> converter_;
  EventLoop& loop_;
  http::BodyPart given_;    // by the source, and being converted
  size_t next_run_ = 0;     // of its runs
  std::string_view data_;   // of the run before that, what is still to be converted
  bool is_ending_ = false;  // finish() is still to be called
  bool has_more_ = false;   // the converter's last step was kMore
  bool ended_ = false;      // finish() has made all it makes
  bool fed_ = false;        // the converter has seen something
  bool has_made_ = false;   // and made something
  bool has_given_ = false;  // what is in `out_` has been given to the receiver
  Pending pending_ = Pending::kNothing;
  std::string out_;
  http::BodyFailure failure_;
};

}  // namespace portcullis::policy

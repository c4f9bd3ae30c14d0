#include "policy/convert_stage.h"

#include <utility>

namespace portcullis::policy {

using http::BodyFailure;
using State = http::BodySource::State;

ConvertStage::Step ConvertStage::step() {
  if (has_more_) return converter_->more(out_);
  const auto runs = given_.runs.pieces();
  if (data_.empty() && next_run_ < runs.size()) {
    data_ = http::text_of(runs[next_run_++]);
  }
  if (!data_.empty()) {
    const std::string_view part = data_.substr(0, kMaxConvertedAtOnce);
    data_.remove_prefix(part.size());
    return converter_->convert(part, out_);
  }
  is_ending_ = false;
  ended_ = true;
  return converter_->finish(given_.trailers, out_);
}

State ConvertStage::fail(Step step) {
  failure_.kind = step == Step::kOverloaded ? BodyFailure::Kind::kOverloaded
                  : step == Step::kGivenUp  ? BodyFailure::Kind::kCancelled
                                            : BodyFailure::Kind::kMalformed;
  if (step != Step::kGivenUp) failure_.reason = &converter_->failure();
  return State::kFailed;
}

State ConvertStage::give(http::BodyPart& part) {
  if (!has_work()) from().release();  // nothing of `out_` refers to the bytes of the source
  has_given_ = true;
  part.size = out_.size();
  has_made_ |= part.size > 0;
  part.last = ended_ && !has_more_;
  // The client may take long to receive the last part, which is all that is still held.
  if (part.last && out_.capacity() > out_.size() + Block::kMedium) out_.shrink_to_fit();
  part.runs.add(out_);
  if (part.last && converter_->keeps_trailers()) part.trailers = std::move(given_.trailers);
  return State::kPart;
}

State ConvertStage::next(http::BodyPart& part) {
  if (failure_.kind != BodyFailure::Kind::kNone) return State::kFailed;
  if (pending_ == Pending::kWork) return State::kWait;  // until wait() has done it
  pending_ = Pending::kNothing;
  if (std::exchange(has_given_, false)) {
    // What was large once would be held as long as the body lasts.
    if (out_.capacity() > kMaxMadeAtOnce) out_ = std::string();
    out_.clear();
  }
  for (;;) {
    while (has_work()) {
      // A source that always has something, and a receiver that takes everything, would keep all others
      // waiting.
      if (loop_.round_is_long()) {
        pending_ = Pending::kTurn;
        return State::kWait;
      }
      const Step made = step();
      if (made == Step::kLater) {
        pending_ = Pending::kWork;
        return State::kWait;
      }
      if (made != Step::kDone && made != Step::kMore) return fail(made);
      has_more_ = made == Step::kMore;
      if (has_work() && has_enough()) return give(part);
    }
    if (ended_ || has_enough()) return give(part);
    // All that was given has been converted.
    given_.clear();
    next_run_ = 0;
    const State state = from().next(given_);
    // What was made before the source failed is passed on first.
    if (state == State::kFailed) return out_.empty() ? State::kFailed : give(part);
    if (state == State::kWait) {
      // Where the body's length is not known, more may be long in coming.
      if (from().waits_for_peer() && !from().has_length() && wants_flush()) converter_->flush(out_);
      if (!out_.empty() && !converter_->waits_for_all()) return give(part);
      pending_ = Pending::kSource;
      return State::kWait;
    }
    fed_ |= given_.size > 0;
    is_ending_ = given_.last;
  }
}

Task<void> ConvertStage::wait() {
  if (out_.capacity() > Block::kMedium + 2 * out_.size()) out_.shrink_to_fit();
  if (pending_ == Pending::kTurn) {
    co_await next_round(loop_);
  } else if (pending_ == Pending::kSource) {
    Task<void> waiting = from().wait();
    co_await waiting;
  } else if (pending_ == Pending::kWork) {
    Task<Step> proceeding = converter_->proceed(out_);
    const Step made = co_await proceeding;
    has_more_ = made == Step::kMore;
    if (made != Step::kDone && made != Step::kMore) (void)fail(made);
  }
  pending_ = Pending::kNothing;
}

}  // namespace portcullis::policy

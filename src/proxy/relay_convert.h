#pragma once

#include <sys/uio.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/relay.h"

namespace portcullis::proxy {

using ConversionStep = policy::ResponseConverter::Step;

// What the source's converter makes of its body, piece by piece. The source outlives it.
class Conversion {
 public:
  explicit Conversion(BodySource& source) : source_(source) {}

  // What was given has been converted; always so without a converter.
  bool idle() const { return !has_rest(); }
  // The next pieces of the body, and its end when that has come with `trailers` (lines). The bytes of the
  // pieces live until run() has ended with kDone. Only while it is idle.
  void give(std::span<const iovec> pieces, std::optional<std::string> trailers);
  // Appends to `out` what becomes of them. kMore: that is policy::kMaxMadeAtOnce bytes or somewhat more, and
  // the next run() goes on. Waits for what the converter puts off, and in long work for others to have their
  // turn.
  Task<ConversionStep> run(std::string& out);

 private:
  Task<ConversionStep> step(std::string& out);
  bool has_rest() const { return has_more_ || !data_.empty() || next_ < pieces_.size() || trailers_; }

  BodySource& source_;
  std::vector<iovec> pieces_;
  size_t next_ = 0;        // of the pieces
  std::string_view data_;  // of the piece before that, what is still to be converted
  std::optional<std::string> trailers_;
  std::string finishing_;  // the trailers, which live until the last step has ended
  bool has_more_ = false;  // the converter's last step was kMore
};

inline bool goes_on(ConversionStep step) {
  return step == ConversionStep::kDone || step == ConversionStep::kMore;
}

// How the relay of a body ends whose conversion has come to `step`, after which it does not go on.
RelayResult failure_of(ConversionStep step);

}  // namespace portcullis::proxy

#include "proxy/convert_response.h"

#include <cerrno>
#include <string>
#include <utility>

#include "http/text_body.h"
#include "proxy/convert_stage.h"

namespace portcullis::proxy {

using http::BodyKind;
using http::FieldId;

namespace {

// Ends the wait for a body on which the response's head depends, once the time for the head is over.
class HeadDeadline final : private Timer {
 public:
  HeadDeadline(Stream& stream, policy::ResponseConverter& converter, Milliseconds time_left)
      : stream_(stream), converter_(converter) {
    stream.loop().arm(*this, time_left);
  }
  HeadDeadline(const HeadDeadline&) = delete;
  HeadDeadline& operator=(const HeadDeadline&) = delete;
  ~HeadDeadline() = default;

  bool passed() const { return passed_; }

 private:
  void fire() override {
    passed_ = true;
    stream_.cancel();
    converter_.give_up();
  }

  Stream& stream_;
  policy::ResponseConverter& converter_;
  bool passed_ = false;
};

}  // namespace

Task<TryOutcome> convert_response(policy::ResponseConverter& converter, ExchangeState& state,
                                  Attempt& attempt, MessageBody& from_target,
                                  std::unique_ptr<http::BodySource>& body, Milliseconds time_left) {
  using Way = policy::ResponseConverter::Way;
  using Broken = http::BodyFailure::Kind;
  http::ResponseHead& head = state.response;
  const Way way = converter.begin(head);
  if (way == Way::kPass || (way == Way::kStream && head.body.kind == BodyKind::kNone))
    co_return TryOutcome::kAnswered;
  head.fields.remove(FieldId::kContentLength);
  const bool streams = way == Way::kFirst && head.body.kind == BodyKind::kStream;
  body = std::make_unique<ConvertStage>(std::move(body), converter, state.worker.loop(), &state.watch);
  head.body = {BodyKind::kStream, http::BodyFraming::kUnknown};
  if (way == Way::kStream) co_return TryOutcome::kAnswered;
  if (!streams) from_target.set_limit(converter.limit());
  std::string converted;
  RelayResult received;
  bool ended = false;
  {
    HeadDeadline deadline(from_target.stream(), converter, time_left);
    Task<RelayResult> collecting =
        collect_body(*body, converted, streams ? Until::kSomething : Until::kEnd, ended);
    received = co_await collecting;
    if (deadline.passed()) {
      // The target is not to blame when its response waited for the gateway: the converter was given up then.
      if (received.source.reason == nullptr) co_return TryOutcome::kTimedOut;
      attempt.fail(kEnds.total_timeout);
      co_return TryOutcome::kNotConverted;
    }
  }
  switch (received.source.kind) {
    case Broken::kNone: break;
    case Broken::kMalformed: co_return attempt.fail(converter.failure());
    case Broken::kTooLarge: co_return attempt.fail(kEnds.response_too_large);
    case Broken::kOverloaded: attempt.fail(converter.failure()); co_return TryOutcome::kNotConverted;
    default:
      if (received.source.error == ETIMEDOUT) co_return TryOutcome::kTimedOut;
      co_return attempt.fail(kEnds.upstream_closed);
  }
  // A stream stays one also when all of it has come at once: its head must not depend on that.
  const bool has_length = ended && !(streams && head.status == 200);
  if (ended && !from_target.rest().empty()) head.keep_alive = false;
  if (has_length) {
    head.fields.add("content-length", state.request.arena.decimal(converted.size()), FieldId::kContentLength);
    head.body = {};
    if (!converted.empty()) head.body = {BodyKind::kLength, converted.size()};
  }
  const auto rest = ended ? http::TextStage::Rest::kNothing : http::TextStage::Rest::kFollows;
  body = std::make_unique<http::TextStage>(std::move(body), std::move(converted), rest);
  co_return TryOutcome::kAnswered;
}

}  // namespace portcullis::proxy

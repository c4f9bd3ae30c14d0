// How an exchange has its response made into something else by the converter that a policy has asked for.

#include <cerrno>

#include "proxy/exchange.h"

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

// The head has come, and `source` has the body. Afterwards both say what goes to the client.
Task<Exchange::TryOutcome> Exchange::convert_response(BodySource& source) {
  policy::ResponseConverter& converter = *context_.converter;
  using Way = policy::ResponseConverter::Way;
  const Way way = converter.begin(response_);
  if (way == Way::kPass || (way == Way::kStream && response_.body.kind == BodyKind::kNone))
    co_return TryOutcome::kAnswered;
  response_.fields.remove(FieldId::kContentLength);
  source.converter = &converter;
  if (way == Way::kStream) {
    response_.body = {BodyKind::kStream, http::BodyFraming::kUnknown};
    co_return TryOutcome::kAnswered;
  }
  const bool streams = way == Way::kFirst && response_.body.kind == BodyKind::kStream;
  source.limit = streams ? 0 : converter.limit();
  converted_.clear();
  RelayResult received;
  {
    HeadDeadline deadline(source.stream, converter, time_left());
    Task<RelayResult> receiving =
        streams ? convert_beginning(source, converted_) : convert_message(source, converted_);
    received = co_await receiving;
    if (deadline.passed()) {
      // The target is not to blame when its answer waited for the gateway.
      if (received.outcome != RelayOutcome::kCancelled) co_return TryOutcome::kTimedOut;
      failure_ = &kEnds.total_timeout;
      co_return TryOutcome::kNotConverted;
    }
  }
  switch (received.outcome) {
    case RelayOutcome::kComplete: break;
    case RelayOutcome::kSourceMalformed: co_return fail(converter.failure());
    case RelayOutcome::kSourceTooLarge: co_return fail(kEnds.response_too_large);
    case RelayOutcome::kOverloaded: failure_ = &converter.failure(); co_return TryOutcome::kNotConverted;
    default:
      if (received.error == ETIMEDOUT) co_return TryOutcome::kTimedOut;
      co_return fail(kEnds.upstream_closed);
  }
  source.bytes = 0;
  if (!source.complete) {
    response_.body = {BodyKind::kStream, http::BodyFraming::kUnknown};
    source.converted = converted_;
    co_return TryOutcome::kAnswered;
  }
  if (!source.rest.empty()) response_.keep_alive = false;
  response_.fields.add("content-length", arena_.decimal(converted_.size()), FieldId::kContentLength);
  response_.body = {};
  if (!converted_.empty()) response_.body = {BodyKind::kLength, converted_.size()};
  source.framing = response_.body;
  source.received = converted_;
  source.rest = {};
  source.converter = nullptr;
  source.channel = nullptr;
  source.limit = 0;
  source.complete = false;
  co_return TryOutcome::kAnswered;
}

}  // namespace portcullis::proxy

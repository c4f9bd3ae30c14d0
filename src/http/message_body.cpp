#include "http/message_body.h"

#include <cerrno>

namespace portcullis::http {

using State = BodySource::State;

MessageBody::MessageBody(MessageStream& message, std::string_view received, const Settings& settings)
    : message_(message),
      settings_(settings),
      decoder_(settings.framing, settings.chunks),
      pace_(message.buffers_body() ? std::min(settings.block_size, Block::kLarge) : settings.block_size,
            settings.sink),
      received_(received),
      input_(received) {
  if (message.body_ended() && input_.empty()) decoder_.end_of_stream();
}

State MessageBody::fail(BodyFailure::Kind kind, int error) {
  if (failure_.kind == BodyFailure::Kind::kNone) {
    failure_.kind = error == ECANCELED ? BodyFailure::Kind::kCancelled : kind;
    failure_.error = error;
  }
  return State::kFailed;
}

State MessageBody::next(BodyPart& part) {
  for (;;) {
    if (failure_.kind != BodyFailure::Kind::kNone) return State::kFailed;
    if (!decoder_.done() && input_.empty()) {
      const State read_state = read();
      if (read_state != State::kPart) return read_state;
    }
    part.size = decoder_.take(input_, part.runs);
    bytes_ += part.size;
    if (decoder_.failed()) {
      failure_.malformed = decoder_.error();
      return fail(BodyFailure::Kind::kMalformed);
    }
    if (settings_.limit != 0 && bytes_ > settings_.limit) return fail(BodyFailure::Kind::kTooLarge);
    if (input_.empty() && message_.body_ended()) decoder_.end_of_stream();
    if (decoder_.done()) return end(part);
    if (part.size > 0) return State::kPart;
  }
}

State MessageBody::end(BodyPart& part) const {
  part.last = true;
  const std::string_view trailers = message_.buffers_body() ? message_.trailers() : decoder_.trailers();
  if (!trailers.empty()) part.trailers = permitted_trailers(trailers, settings_.trailers);
  return State::kPart;
}

// What has come. The block that was read last is not needed any more.
State MessageBody::read() {
  Stream& stream = message_.bytes();
  if (!stream.may_read()) return State::kWait;
  if (head_is_sent_) first_.release();
  more_.release();
  more_.block = pace_.take_block();
  const size_t asked = pace_.asked(more_.block);
  const IoResult got = stream.try_read(more_.block.data(), asked);
  if (got.error == EAGAIN) {
    more_.release();
    return State::kWait;
  }
  if (!got.ok()) return fail(BodyFailure::Kind::kFailed, got.error);
  if (got.bytes == 0) {
    if (!decoder_.ends_with_stream()) return fail(BodyFailure::Kind::kClosed);
    decoder_.end_of_stream();
    return State::kPart;
  }
  pace_.read(more_.block, got.bytes);
  more_.end = got.bytes;
  ++reads_;
  input_ = more_.content();
  return State::kPart;
}

Task<void> MessageBody::wait() {
  release();
  Stream& stream = message_.bytes();
  const IoResult ready = co_await stream.readable(settings_.timeout);
  if (!ready.ok()) fail(BodyFailure::Kind::kFailed, ready.error);
}

void MessageBody::release() {
  if (!input_.empty() || (decoder_.done() && !rest().empty())) return;
  if (head_is_sent_) first_.release();
  if (!decoder_.done()) more_.release();
}

bool MessageBody::is_all_here() const {
  if (!complete() || reads_ > (received_.empty() ? 1u : 0u)) return false;
  return reads_ == 0 || more_.end >= bytes_;
}

}  // namespace portcullis::http

#pragma once

#include <string_view>
#include <utility>

#include "http/body_decoder.h"
#include "http/body_source.h"
#include "http/message_stream.h"
#include "http/pace.h"
#include "http/trailers.h"
#include "runtime/frame_pool.h"

namespace portcullis::http {

// The body of a message that is received: what came with its head, then what its stream brings. Holds at most
// one block of the body, which it passes on without copying, and none while it waits.
class MessageBody final : public BodySource, public Pooled {
 public:
  struct Settings {
    BodyFraming framing{};
    Milliseconds timeout{0};              // between two pieces
    uint64_t limit = 0;                   // max bytes of the body; 0: no limit
    TrailerRules trailers{};              // which trailers are passed on
    h1::ChunkRules chunks{};              // how the chunked coding is read
    size_t block_size = Block::kGiant;    // max bytes that are read at once
    const MessageStream* sink = nullptr;  // whose room bounds what is read; null: nothing does
  };

  // `message`, whose bytes are read, outlives this. `received` has come behind the head.
  MessageBody(MessageStream& message, std::string_view received, const Settings& settings);

  State next(BodyPart& part) override;
  Task<void> wait() override;
  const BodyFailure& failure() const override { return failure_; }
  bool has_length() const override { return settings_.framing.has_length(); }
  void head_sent() override { head_is_sent_ = true; }
  void release() override;
  void note_sent(Clock::duration took) override { pace_.written(took); }
  void detach() override {
    pace_.detach();
    settings_.trailers.listed = nullptr;
  }
  void cancel() override { message_.bytes().cancel(); }

  // The memory in which the head and `received` lie: kept until both have been passed on.
  void keep(InputBuffer first) { first_ = std::move(first); }
  // The whole body has been read. rest() is what the peer has sent behind it; it lives as long as this.
  bool complete() const { return decoder_.done(); }
  std::string_view rest() const { return complete() ? input_ : std::string_view(); }
  uint64_t bytes() const { return bytes_; }
  const BodyFraming& framing() const { return settings_.framing; }
  Stream& stream() const { return message_.bytes(); }

  // The whole body lies in the memory that it was received in: `received`, or take_input().
  bool is_all_here() const;
  bool was_read_in_one() const { return reads_ == 1; }
  InputBuffer take_input() { return std::exchange(more_, {}); }

 private:
  State read();
  State fail(BodyFailure::Kind kind, int error = 0);
  State end(BodyPart& part) const;

  MessageStream& message_;
  Settings settings_;
  BodyDecoder decoder_;
  Pace pace_;
  std::string_view received_;
  std::string_view input_;  // what has been read and not been decoded
  InputBuffer first_;
  InputBuffer more_;
  BodyFailure failure_;
  uint64_t bytes_ = 0;
  unsigned reads_ = 0;  // that have found something
  bool head_is_sent_ = false;
};

}  // namespace portcullis::http

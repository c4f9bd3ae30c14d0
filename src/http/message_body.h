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

// The body of a received message: first the bytes that arrived with the head, then the bytes that are read
// from the stream. Holds at most one block of the body, which it passes on without copying, and no block
// while it waits.
class MessageBody final : public BodySource, public Pooled {
 public:
  struct Settings {
    BodyFraming framing{};
    Milliseconds timeout{0};              // max time without new bytes
    uint64_t limit = 0;                   // max bytes of the body; 0: no limit
    TrailerRules trailers{};              // which trailers are passed on
    h1::ChunkRules chunks{};              // how the chunked coding is read
    size_t block_size = Block::kGiant;    // max bytes that are read at once
    const MessageStream* sink = nullptr;  // the receiver, whose room bounds each read; null: no bound
  };

  // Reads from the stream of `message`, which outlives this object. `received` has the bytes that arrived
  // behind the head.
  MessageBody(MessageStream& message, std::string_view received, const Settings& settings);

  State next(BodyPart& part) override;
  Task<void> wait() override;
  const BodyFailure& failure() const override { return failure_; }
  bool has_length() const override { return settings_.framing.has_length(); }
  void head_sent() override { head_is_sent_ = true; }
  void release() override;
  void note_sent(Clock::duration took) override { pace_.written(took); }
  void detach() override {
    pace_.set_sink(nullptr);
    settings_.trailers.listed = nullptr;
  }
  void cancel() override { message_.cancel(); }

  // Takes over the memory of the head and of `received`, and keeps it until both have been passed on.
  void keep(InputBuffer first) { first_ = std::move(first); }
  // Replaces the receiver whose room bounds each read; null: no bound.
  void set_sink(const MessageStream* sink) { pace_.set_sink(sink); }
  // True when the whole body has been read. rest() then has the bytes behind the body that were read too; the
  // view is valid as long as this object.
  bool complete() const { return decoder_.done(); }
  std::string_view rest() const { return complete() ? input_ : std::string_view(); }
  uint64_t bytes() const { return bytes_; }
  const BodyFraming& framing() const { return settings_.framing; }

  // True when the whole body is still in the memory in which it was received: in `received`, or in the block
  // that take_input() returns.
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
  std::string_view input_;  // bytes that have been read and not been decoded
  InputBuffer first_;
  InputBuffer more_;
  BodyFailure failure_;
  uint64_t bytes_ = 0;
  unsigned reads_ = 0;  // the number of reads that returned bytes
  bool head_is_sent_ = false;
};

}  // namespace portcullis::http

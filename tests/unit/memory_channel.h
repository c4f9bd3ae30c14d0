#pragma once

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "runtime/channel.h"
#include "runtime/stream.h"

namespace portcullis {

// The other end of a stream that has no socket: a test writes here what the stream reads, and reads what the
// stream has written. Faults are set by the test and happen at once, or after so many bytes.
class MemoryEnd {
 public:
  // An end whose other end carries the bytes of `stream`.
  static std::shared_ptr<MemoryEnd> join(Stream& stream) {
    auto end = std::make_shared<MemoryEnd>();
    stream.set_channel(channel_of(end));
    end->attach(stream);
    return end;
  }
  // The same in two steps, where a stream takes its channel as it is made.
  static std::unique_ptr<Channel> channel_of(const std::shared_ptr<MemoryEnd>& end) {
    return std::make_unique<End>(end);
  }
  void attach(Stream& stream) { stream_ = &stream; }

  // The stream gets these bytes.
  void send(std::string_view bytes) {
    to_stream_ += bytes;
    if (stream_ != nullptr) stream_->signal_readable();
  }
  // The stream sees the end of what has been sent.
  void finish() {
    finished_ = true;
    if (stream_ != nullptr) stream_->signal_readable();
  }
  // Reads and writes fail from now on, and the stream is told that its peer has gone.
  void reset() {
    broken_ = true;
    if (stream_ == nullptr) return;
    Stream& stream = *stream_;
    stream.signal_hang_up();
    if (stream_ != nullptr) stream.signal_writable();
  }
  // The stream may write only so many bytes more, until this is called again; no limit at first.
  void take_no_more_than(size_t bytes) {
    room_ = bytes;
    if (room_ > 0 && stream_ != nullptr) stream_->signal_writable();
  }

  // The stream may write nothing more behind the next `text`.
  void take_nothing_behind(std::string text) { last_taken_ = std::move(text); }

  // What the stream has written.
  std::string received{};
  bool saw_finish = false;  // the stream has ended its side
  bool was_closed = false;  // the stream has been closed, or destroyed
  bool was_reset = false;   // the stream has been closed with a reset

 private:
  class End final : public Channel {
   public:
    explicit End(std::shared_ptr<MemoryEnd> end) : end_(std::move(end)) {}
    ~End() override { end_->stream_ = nullptr; }

    IoResult read(char* data, size_t size) override {
      if (end_->broken_) return {.error = ECONNRESET};
      const size_t taken = end_->to_stream_.copy(data, size);
      end_->to_stream_.erase(0, taken);
      if (taken > 0) return {.bytes = taken};
      return end_->finished_ ? IoResult{} : IoResult{.error = EAGAIN};
    }
    bool may_read() const override { return end_->broken_ || end_->finished_ || !end_->to_stream_.empty(); }
    bool may_write() override { return end_->broken_ || end_->room_ > 0; }
    IoResult write(std::span<iovec>& pieces) override {
      IoResult written;
      if (end_->broken_) return {.error = ECONNRESET};
      while (!pieces.empty()) {
        iovec& piece = pieces.front();
        const size_t part = std::min(piece.iov_len, end_->room_);
        end_->received.append(static_cast<const char*>(piece.iov_base), part);
        if (end_->room_ != SIZE_MAX) end_->room_ -= part;
        written.bytes += part;
        if (!end_->last_taken_.empty() && end_->received.ends_with(end_->last_taken_)) end_->room_ = 0;
        piece = {static_cast<char*>(piece.iov_base) + part, piece.iov_len - part};
        if (piece.iov_len > 0) {
          written.error = EAGAIN;
          return written;
        }
        pieces = pieces.subspan(1);
      }
      return written;
    }
    void finish() override { end_->saw_finish = true; }
    void close(bool broken) override {
      end_->was_closed = true;
      end_->was_reset = broken;
    }

   private:
    std::shared_ptr<MemoryEnd> end_;
  };

  Stream* stream_ = nullptr;  // null once the stream, or its channel, has gone
  std::string to_stream_;
  bool finished_ = false;
  bool broken_ = false;
  size_t room_ = SIZE_MAX;
  std::string last_taken_;
};

}  // namespace portcullis

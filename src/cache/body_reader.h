#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "cache/body.h"
#include "cache/open_file.h"
#include "runtime/signal.h"

namespace portcullis::cache {

// Reads a range of a body. One thread.
class BodyReader final : public ListNode<BodyReader> {
 public:
  // Reads from `begin` up to but excluding `end`; without `end` up to the end of the body.
  explicit BodyReader(std::shared_ptr<Body> body, uint64_t begin = 0,
                      std::optional<uint64_t> end = std::nullopt);
  ~BodyReader();
  BodyReader(const BodyReader&) = delete;
  BodyReader& operator=(const BodyReader&) = delete;

  // False when the reader was created after the body stopped admitting readers.
  bool valid() const { return valid_ || at_end(); }
  // The number of bytes to read, if known.
  std::optional<uint64_t> length() const;
  // Takes the bytes available in one piece; valid until the next call. Empty when nothing has arrived yet,
  // and at the end.
  std::string_view take();
  bool at_end() const;
  // co_await: waits until more bytes are available, or the end is reached. False when the body has failed or
  // is damaged, after the timeout, and after give_up().
  Task<bool> wait(EventLoop& loop, Milliseconds timeout);
  // Makes the present wait() and all later ones return false, soon and on the loop's thread. A read of the
  // disk that is in progress is still awaited.
  void give_up();
  // True when the next bytes have been received but must be read from the disk, which takes time. Reads them
  // when they are in the page cache.
  bool needs_disk();
  // True when the next bytes need no wait for the disk: next_in_file() has a part of a large body, which
  // costs less to send than bytes that have been read, or needs_disk() is false.
  bool can_be_sent();

  // An alternative to take(): the next bytes, if they are in a file, have been verified, and can be sent to a
  // socket without waiting for the disk. Valid until the next call.
  std::optional<FilePart> next_in_file();
  // Records that `size` bytes of next_in_file() have been sent.
  void skip(size_t size);
  // Records that the file could not be read.
  void note_unreadable();

 private:
  friend class Body;
  // A chunk read from a file. It has its own memory, because the pool's thread may write to it after the
  // reader has been destroyed.
  struct Chunk;
  enum class Loaded : uint8_t { kYes, kLater, kDamaged };

  void leave();
  bool in_memory(uint64_t position);
  bool in_chunk(uint64_t position) const;
  std::shared_ptr<Chunk> next_chunk(uint64_t position);
  Loaded load_at_once(uint64_t position);
  Task<bool> load(EventLoop& loop, uint64_t position);
  Task<bool> wait_for_more(EventLoop& loop, uint64_t seen, Milliseconds timeout);

  const std::shared_ptr<Body> body_;
  Body::SegmentPointer segment_;
  std::shared_ptr<Chunk> chunk_;    // used instead of a segment
  std::shared_ptr<OpenFile> file_;  // the file that next_in_file() returned last
  std::atomic<uint64_t> position_{0};
  std::optional<uint64_t> end_;
  Signal::Waiter* waiter_ = nullptr;  // not null while waiting for more bytes
  bool given_up_ = false;
  bool valid_ = true;
  bool followed_ = false;
};

}  // namespace portcullis::cache

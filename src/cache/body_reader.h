#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "cache/body.h"
#include "cache/open_file.h"
#include "runtime/signal.h"

namespace portcullis::cache {

// Reads a part of a body. On one thread.
class BodyReader final : public ListNode<BodyReader> {
 public:
  // From `begin` up to, not with, `end`; none: to the body's end.
  explicit BodyReader(std::shared_ptr<Body> body, uint64_t begin = 0,
                      std::optional<uint64_t> end = std::nullopt);
  ~BodyReader();
  BodyReader(const BodyReader&) = delete;
  BodyReader& operator=(const BodyReader&) = delete;

  // False for one that came too late, when the body was not kept any more.
  bool valid() const { return valid_ || at_end(); }
  // How much it will read, where that is known.
  std::optional<uint64_t> length() const;
  // Takes what there is, in one piece; lives until the next call. Empty: nothing yet, or the end.
  std::string_view take();
  bool at_end() const;
  // co_await: until there is more, or the end. False when the body has failed or is damaged, the time is
  // over, or the wait has been given up.
  Task<bool> wait(EventLoop& loop, Milliseconds timeout);
  // Ends the wait for more, soon and on its loop's thread, and all later ones. A read of the disk is waited
  // for still.
  void give_up();
  // Whether what has come and is next has to be waited for because of the disk. Reads it where that takes no
  // time.
  bool needs_disk();

  // In place of take(): what is next, where it is in a file, has been found to be what was written, and can
  // be handed to a socket without waiting. Lives until the next call.
  std::optional<FilePart> next_in_file();
  // So much of that has been sent.
  void skip(size_t size);
  // It could not be read.
  void note_unreadable();

 private:
  friend class Body;
  // What is read of a file, in memory of its own: the pool's thread writes to it, also when the reader has
  // gone.
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
  std::shared_ptr<Chunk> chunk_;    // in place of a segment
  std::shared_ptr<OpenFile> file_;  // of the part that was told last
  std::atomic<uint64_t> position_{0};
  std::optional<uint64_t> end_;
  Signal::Waiter* waiter_ = nullptr;  // while it waits for more
  bool given_up_ = false;
  bool valid_ = true;
  bool followed_ = false;
};

}  // namespace portcullis::cache

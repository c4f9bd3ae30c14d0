#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "cache/body_reader.h"
#include "http/body_source.h"
#include "policy/cache/engine.h"
#include "runtime/frame_pool.h"

namespace portcullis::policy::cache {

// A body that is read from the cache, while it is still being received or later. On the thread of `loop`,
// which outlives this object.
class StoredBody final : public http::BodySource, public Pooled {
 public:
  // Reads the bytes from `begin` up to but excluding `end`; without `end` up to the end of the body.
  // `timeout`: max time of a wait for more bytes.
  StoredBody(std::shared_ptr<engine::Body> body, EventLoop& loop, Milliseconds timeout, uint64_t begin = 0,
             std::optional<uint64_t> end = std::nullopt)
      : reader_(std::move(body), begin, end), loop_(loop), timeout_(timeout) {}

  State next(http::BodyPart& part) override;
  Task<void> wait() override;
  const http::BodyFailure& failure() const override { return failure_; }
  bool has_length() const override { return reader_.length().has_value(); }
  void file_sent(size_t bytes, int error) override;
  void cancel() override { reader_.give_up(); }

  engine::BodyReader& reader() { return reader_; }

 private:
  engine::BodyReader reader_;
  EventLoop& loop_;
  Milliseconds timeout_;
  bool has_begun_ = false;
  bool may_give_files_ = true;
  http::BodyFailure failure_;
};

}  // namespace portcullis::policy::cache

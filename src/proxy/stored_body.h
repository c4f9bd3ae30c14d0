#pragma once

#include "cache/body_reader.h"
#include "http/body_source.h"

namespace portcullis::proxy {

class ClientWatch;

// A body that is read from the cache, while it is still being received or later. What it refers to outlives
// this.
class StoredBody final : public http::BodySource {
 public:
  StoredBody(cache::BodyReader& reader, EventLoop& loop, Milliseconds timeout, ClientWatch& watch)
      : reader_(reader), loop_(loop), timeout_(timeout), watch_(watch) {}

  State next(http::BodyPart& part) override;
  Task<void> wait() override;
  const http::BodyFailure& failure() const override { return failure_; }
  bool has_length() const override { return reader_.length().has_value(); }
  void file_sent(size_t bytes, int error) override;

 private:
  cache::BodyReader& reader_;
  EventLoop& loop_;
  Milliseconds timeout_;
  ClientWatch& watch_;
  bool has_begun_ = false;
  bool may_give_files_ = true;
  http::BodyFailure failure_;
};

}  // namespace portcullis::proxy

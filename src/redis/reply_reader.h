#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "redis/reply.h"

struct redisReader;
struct redisReplyObjectFunctions;

namespace portcullis::redis {

// Reads replies of the Redis protocol from bytes that arrive in any pieces, with the parser of hiredis. A
// reply that is too large is a fault, like one that does not follow the protocol. One thread.
class ReplyReader {
 public:
  static constexpr size_t kMaxBytes = 8 << 20;       // of a reply
  static constexpr size_t kMaxElements = 256 << 10;  // of a reply, in all its lists

  ReplyReader();
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  // Adds received bytes.
  void feed(std::string_view bytes);
  // The next reply; nothing while it is incomplete, and after a fault.
  std::optional<Reply> next();
  // Why no more replies can be read; empty while they can.
  std::string_view fault() const { return fault_; }

 private:
  struct Freed {
    void operator()(redisReader* reader) const;
  };
  struct Build;  // the functions by which the parser builds a Reply

  std::unique_ptr<redisReader, Freed> reader_;
  Reply root_;  // the reply that is being built
  size_t elements_ = 0;
  std::string_view fault_;
};

}  // namespace portcullis::redis

#pragma once

#include <functional>
#include <string>

#include "redis/dialer.h"
#include "redis/shared.h"

namespace portcullis::redis {

// The sentinels that watch a primary. On the loop's thread.
class Sentinels {
 public:
  Sentinels(EventLoop& loop, SidePool* pool, Shared& shared);

  // The address of the primary, of the first sentinel that knows it. Each call begins with another sentinel,
  // because one that is cut off from the others tells of a primary that is no longer one.
  Task<Result<std::string>> primary();
  // Calls `told` with the address of the primary now, and whenever a sentinel tells of a failover. Ends when
  // it is destroyed.
  Task<void> watch(std::function<void(const std::string&)> told);

 private:
  Task<Result<std::string>> follow(const std::string& sentinel,
                                   const std::function<void(const std::string&)>& told);
  Task<Result<std::string>> ask(const std::string& sentinel);
  Result<std::string> address_in(const Reply& reply) const;

  // A sentinel whose machine has gone does not close the connection, so the connection is made again.
  static constexpr Milliseconds kMaxWatch{30'000};
  static constexpr Milliseconds kPause{1'000};

  Shared& shared_;
  Dialer dialer_;
  size_t next_ = 0;
};

// The address of the new primary in the message of the channel `+switch-master` ("NAME OLD-HOST OLD-PORT
// NEW-HOST NEW-PORT"); empty when it is about another primary than `name`.
std::string switched_to(std::string_view message, std::string_view name);

}  // namespace portcullis::redis

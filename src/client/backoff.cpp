#include "client/backoff.h"

#include <algorithm>

#include "base/random.h"
#include "crypto/digest.h"

namespace portcullis::client {

Milliseconds Backoff::next() {
  static thread_local Random random(crypto::random_seed());
  const int64_t whole = std::min<int64_t>(500 << std::min(failures_++, 6u), longest_.count());
  return Milliseconds(whole / 2 + static_cast<int64_t>(random.below(static_cast<uint64_t>(whole / 2))));
}

}  // namespace portcullis::client

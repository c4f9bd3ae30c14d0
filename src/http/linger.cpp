#include "http/linger.h"

#include <algorithm>
#include <cerrno>

namespace portcullis::http {

Task<void> linger(Stream& stream, InputBuffer& input, Milliseconds max) {
  static constexpr Milliseconds kMaxSilence{1'000};
  stream.shutdown_write();
  const Clock::time_point deadline = stream.loop().now() + max;
  for (;;) {
    input.release();
    const Milliseconds left = std::min(kMaxSilence, time_until(deadline, stream.loop()));
    if (left.count() == 0) co_return;
    const IoResult ready = co_await stream.readable(left);
    if (!ready.ok()) co_return;
    input.block = Block::take(Block::kLarge);
    const IoResult got = stream.try_read(input.block.data(), input.block.capacity());
    if (got.error != EAGAIN && (!got.ok() || got.bytes == 0)) co_return;
  }
}

}  // namespace portcullis::http

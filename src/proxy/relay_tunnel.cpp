#include "proxy/relay_tunnel.h"

#include <cerrno>

#include "base/block_pool.h"

namespace portcullis::proxy {
namespace {

// Waits for the source's Close frame after the gateway has ended a WebSocket.
Task<bool> hear_goodbye(TunnelHalf half, const Block& block) {
  static constexpr Milliseconds kPatience{2'000};
  while (!half.frames->saw_close()) {
    const IoResult got = co_await half.from.read(block.data(), block.capacity(), kPatience);
    if (!got.ok() || got.bytes == 0) break;
    half.frames->follow({block.data(), got.bytes});
  }
  co_return true;
}

}  // namespace

Task<bool> relay_raw(TunnelHalf half, Tunnel& tunnel) {
  EventLoop& loop = half.from.loop();
  const Block block = Block::take(Block::kMedium);
  std::string_view input = half.first;
  for (;;) {
    if (!input.empty()) {
      tunnel.last_bytes = loop.now();
      half.bytes += input.size();
      if (half.frames != nullptr) half.frames->follow(input);
      iovec piece{const_cast<char*>(input.data()), input.size()};
      const IoResult written = co_await half.to.write(std::span(&piece, 1), tunnel.idle_timeout);
      if (written.error == ETIMEDOUT) tunnel.was_idle = true;
      if (!written.ok()) co_return false;
      tunnel.last_bytes = loop.now();
    }
    IoResult got;
    do {
      if (tunnel.leaving && half.frames != nullptr && half.frames->at_boundary()) {
        iovec piece{const_cast<char*>(half.goodbye.data()), half.goodbye.size()};
        if (!half.frames->saw_close())
          (void)co_await half.to.write(std::span(&piece, 1), tunnel.idle_timeout);
        Task<bool> hearing = hear_goodbye(half, block);
        co_return co_await hearing;
      }
      const Milliseconds left = time_until(tunnel.last_bytes + tunnel.idle_timeout, loop);
      got = co_await half.from.read(block.data(), block.capacity(), left);
    } while (got.error == ETIMEDOUT && loop.now() < tunnel.last_bytes + tunnel.idle_timeout);
    if (got.error == ETIMEDOUT) tunnel.was_idle = true;
    if (!got.ok()) co_return false;
    if (got.bytes == 0) {
      half.to.shutdown_write();
      co_return true;
    }
    input = {block.data(), got.bytes};
  }
}

}  // namespace portcullis::proxy

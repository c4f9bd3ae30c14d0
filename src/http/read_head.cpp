#include "http/read_head.h"

#include <cerrno>

namespace portcullis::http {

Task<HeadState> read_final_head(ClientStream& message, std::string_view method, Clock::time_point deadline,
                                ResponseHead& out) {
  for (;;) {
    const HeadState state = message.next_head(method, out);
    if (state == HeadState::kComplete && out.status < 200) continue;
    if (state != HeadState::kIncomplete) co_return state;
    const IoResult ready = co_await message.readable(time_until(deadline, message.loop()));
    if (ready.error == ETIMEDOUT) co_return HeadState::kTimedOut;
    if (!ready.ok()) co_return HeadState::kEnded;
    message.receive(Block::kLarge);
  }
}

}  // namespace portcullis::http

#pragma once

#include "http/message_stream.h"

namespace portcullis::http {

// Waits for the head of the final response to a request with `method`, and drops interim responses. `out`
// refers to what `message` has received. kTimedOut after `deadline`. `message` and `out` outlive the task.
// On the thread of the stream's loop.
Task<HeadState> read_final_head(ClientStream& message, std::string_view method, Clock::time_point deadline,
                                ResponseHead& out);

}  // namespace portcullis::http

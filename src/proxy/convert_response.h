#pragma once

#include <memory>

#include "proxy/attempt.h"

namespace portcullis::proxy {

// Has the response of `attempt`, whose head is in `state`, converted by `converter`, as a policy has asked
// for. Afterwards the head and `body` say what goes to the client. `from_target`, which `body` has, is the
// body as it is received. `time_left`: for the head of the response.
Task<TryOutcome> convert_response(policy::ResponseConverter& converter, ExchangeState& state,
                                  Attempt& attempt, MessageBody& from_target,
                                  std::unique_ptr<http::BodySource>& body, Milliseconds time_left);

}  // namespace portcullis::proxy

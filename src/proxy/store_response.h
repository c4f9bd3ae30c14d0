#pragma once

#include <memory>

#include "proxy/attempt.h"

namespace portcullis::proxy {

// Has the body of a response go to the cache, as Context::storing says; from here on everything that wants
// the body reads it there. Takes the connection of `attempt`, which goes on when the exchange is over.
// `encoder`, which may be null, encodes what is stored. `keep_alive`: the connection can be used again
// afterwards.
void store_response(ExchangeState& state, Attempt& attempt, MessageBody& from_target,
                    std::unique_ptr<http::BodySource> body,
                    std::unique_ptr<policy::ResponseConverter> encoder, bool keep_alive);

}  // namespace portcullis::proxy

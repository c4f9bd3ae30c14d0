#pragma once

#include <sys/uio.h>

#include <optional>
#include <span>
#include <string>

#include "proxy/relay.h"

namespace portcullis::proxy {

using ConversionStep = policy::ResponseConverter::Step;

// Appends to `out` what the source's converter makes of `pieces` of the body, and of its end once that has
// come with `trailers` (lines). Waits for what the converter puts off, and within a large piece for others to
// have their turn. What is passed lives until it has ended.
Task<ConversionStep> convert_pieces(BodySource& source, std::span<const iovec> pieces,
                                    std::optional<std::string> trailers, std::string& out);

// How the relay of a body ends whose conversion has come to `step`, which is not kDone.
RelayResult failure_of(ConversionStep step);

}  // namespace portcullis::proxy

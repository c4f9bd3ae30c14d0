#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/channel.h"

namespace portcullis::proxy {

// A channel for an exchange without a client: all bytes that are written to the channel are dropped, and
// there is nothing to read.
std::unique_ptr<Channel> make_absent_client();

// A channel for an imagined client: a read returns the bytes of `text`, and the first `max` bytes that are
// written to the channel are kept in `answer`. `text` and `answer` outlive the channel.
std::unique_ptr<Channel> make_supposed_client(std::string_view text, std::string& answer, size_t max);

}  // namespace portcullis::proxy

#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/channel.h"

namespace portcullis::proxy {

// What carries the bytes of a client that is not there: what is written to it is dropped, and nothing can be
// read.
std::unique_ptr<Channel> make_absent_client();

// What carries the bytes of a client that is only supposed: it has sent `text`, which outlives it, and the
// first `most` bytes of what is written to it are kept in `answer`, which outlives it too.
std::unique_ptr<Channel> make_supposed_client(std::string_view text, std::string& answer, size_t max);

}  // namespace portcullis::proxy

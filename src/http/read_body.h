#pragma once

#include <cstdint>
#include <string>

#include "http/body_source.h"

namespace portcullis::http {

// Functions that read a body as fast as it comes. The source outlives the task. On the source's thread.

// Sets `part` to the next part of the body; waits for it. False when the source has failed.
Task<bool> read_part(BodySource& source, BodyPart& part);

// The end of a read, besides a failure, which BodySource::failure() describes.
enum class ReadUntil : uint8_t {
  kEnd,        // the end of the body
  kSomething,  // the first part that has any bytes, or the end of the body
};

// Appends the bytes of the body to `out`. False when the source has failed. `ended` is set when the source
// has given its last part; `trailers`, which may be null, then gets the trailers.
Task<bool> collect_body(BodySource& source, std::string& out, ReadUntil until, bool& ended,
                        std::string* trailers = nullptr);

// Reads the body to its end, and drops it. False when the source has failed.
Task<bool> discard_body(BodySource& source);

}  // namespace portcullis::http

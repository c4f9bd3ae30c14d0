#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/block_pool.h"

namespace portcullis::http {

// Bytes that have been received and not yet consumed, in one block.
struct InputBuffer {
  Block block;
  size_t begin = 0;
  size_t end = 0;

  bool empty() const { return begin == end; }
  std::string_view content() const { return {block.data() + begin, end - begin}; }
  // Where the next bytes go. There is room for at least one byte: the content of a full buffer moves to
  // another block, of twice the size where the content needs it, which makes views of the content stale.
  std::span<char> room() {
    if (end == block.capacity()) grow();
    return {block.data() + end, block.capacity() - end};
  }
  void release() {
    block.release();
    begin = end = 0;
  }

 private:
  void grow();
};

}  // namespace portcullis::http

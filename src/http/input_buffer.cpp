#include "http/input_buffer.h"

#include <cstring>
#include <utility>

namespace portcullis::http {

void InputBuffer::grow() {
  const bool is_half_empty = begin >= block.capacity() / 2;
  Block larger = Block::take(is_half_empty ? block.capacity() : block.capacity() * 2);
  std::memcpy(larger.data(), block.data() + begin, end - begin);
  end -= begin;
  begin = 0;
  block = std::move(larger);
}

}  // namespace portcullis::http

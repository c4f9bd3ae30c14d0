#include "http/input_buffer.h"

#include <cstring>
#include <utility>

namespace portcullis::http {

void InputBuffer::grow() {
  Block larger = Block::take(block.capacity() * 2);
  std::memcpy(larger.data(), block.data() + begin, end - begin);
  end -= begin;
  begin = 0;
  block = std::move(larger);
}

}  // namespace portcullis::http

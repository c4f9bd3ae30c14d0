#include "base/arena.h"

#include <algorithm>

namespace portcullis {

char* Arena::allocate_slow(size_t size, size_t alignment) {
  Block fresh = Block::take(std::max(Block::kSmall, sizeof(Block) + size + alignment));
  auto* previous = new (fresh.data()) Block(std::move(block_));
  block_ = std::move(fresh);
  previous_ = previous;
  cursor_ = block_.data() + sizeof(Block);
  end_ = block_.data() + block_.capacity();
  return allocate(size, alignment);
}

void Arena::reset() {
  while (block_) {
    Block older = std::move(*previous_);
    previous_->~Block();
    block_ = std::move(older);
    previous_ = block_ ? std::launder(reinterpret_cast<Block*>(block_.data())) : nullptr;
  }
  cursor_ = end_ = nullptr;
}

}  // namespace portcullis

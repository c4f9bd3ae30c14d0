#include "proxy/head_ring.h"

#include <algorithm>

namespace portcullis::proxy {

HeadRing::HeadRing(const Recording::Bounds& bounds)
    : bounds_(bounds),
      blocks_(std::max<size_t>(2, bounds.memory / kBlock)),
      storage_(std::make_unique_for_overwrite<char[]>(blocks_.size() * kBlock)),
      used_(blocks_.size()) {
  free_.reserve(blocks_.size());
  for (size_t i = blocks_.size(); i > 0; --i) free_.push_back(static_cast<uint32_t>(i - 1));
}

char* HeadRing::add(size_t size, const std::shared_ptr<const Recording>& recording) {
  if (size > kBlock) return nullptr;
  if (count_ == 0 || blocks_[back()].recording != recording || blocks_[back()].end + size > kBlock)
    open_block(recording);
  Block& block = blocks_[back()];
  char* const out = at(back()) + block.end;
  block.end += size;
  ++block.heads;
  if (++heads_ > bounds_.requests) drop_oldest();
  return out;
}

void HeadRing::open_block(const std::shared_ptr<const Recording>& recording) {
  if (free_.empty()) drop_front();
  const uint32_t fresh = free_.back();
  free_.pop_back();
  ++count_;
  used_[(first_ + count_ - 1) % used_.size()] = fresh;
  blocks_[fresh] = {.recording = recording};
}

void HeadRing::drop_front() {
  Block& block = blocks_[front()];
  heads_ -= block.heads;
  block.recording.reset();
  free_.push_back(front());
  first_ = (first_ + 1) % used_.size();
  --count_;
}

void HeadRing::drop_oldest() {
  Block& block = blocks_[front()];
  uint32_t size = 0;
  std::memcpy(&size, at(front()) + block.begin, sizeof size);
  block.begin += size;
  --block.heads;
  --heads_;
  if (block.heads == 0) drop_front();
}

std::vector<RecordedHeads> HeadRing::copy() const {
  std::vector<RecordedHeads> out;
  for (size_t i = 0; i < count_; ++i) {
    const uint32_t index = used_[(first_ + i) % used_.size()];
    const Block& block = blocks_[index];
    if (out.empty() || out.back().recording != block.recording) out.push_back({block.recording, {}});
    out.back().bytes.append(at(index) + block.begin, block.end - block.begin);
  }
  return out;
}

}  // namespace portcullis::proxy

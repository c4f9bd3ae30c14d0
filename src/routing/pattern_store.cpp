#include "routing/pattern_store.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <new>
#include <stdexcept>

namespace portcullis::routing {

void PatternStore::reserve(size_t patterns, size_t text_bytes) {
  slots_.resize(std::bit_ceil(std::max<size_t>(patterns * 2, 8)));
  mask_ = slots_.size() - 1;
  // At worst, each pattern begins a line. The kernel gives memory only for lines that are written.
  lines_.reserve(patterns + (patterns * sizeof(Pattern) + text_bytes) / sizeof(Line) + 1);
}

PatternStore::Place PatternStore::add(std::span<const Candidate> candidates, PatternKind kind,
                                      std::string_view text) {
  const size_t size = sizeof(Pattern) + text.size();
  size_t begin = (used_ + kUnit - 1) / kUnit * kUnit;
  const size_t left_in_line = sizeof(Line) - begin % sizeof(Line);
  if (size > left_in_line) begin += left_in_line % sizeof(Line);
  if (begin / kUnit >= std::numeric_limits<Place>::max()) throw std::length_error("too many routes");
  used_ = begin + size;
  lines_.resize((used_ + sizeof(Line) - 1) / sizeof(Line));
  char* const to = reinterpret_cast<char*>(lines_.data()) + begin;
  ::new (to) Pattern{candidates[0], static_cast<uint32_t>(others_.size()),
                     static_cast<uint32_t>(candidates.size() - 1), static_cast<uint32_t>(text.size()), kind};
  if (!text.empty()) std::memcpy(to + sizeof(Pattern), text.data(), text.size());
  others_.insert(others_.end(), candidates.begin() + 1, candidates.end());
  return static_cast<Place>(begin / kUnit + 1);
}

void PatternStore::index(Place place, uint64_t hash) {
  size_t i = hash & mask_;
  while (slots_[i].place != kNone) i = (i + 1) & mask_;
  slots_[i] = {tag_of(hash), place};
}

}  // namespace portcullis::routing

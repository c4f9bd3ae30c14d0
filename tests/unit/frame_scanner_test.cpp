#include "http/h2/frame_scanner.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace portcullis::http::h2 {
namespace {

std::string frame(uint8_t type, uint32_t stream, size_t size) {
  std::string out;
  for (const int shift : {16, 8, 0}) out += static_cast<char>(size >> shift);
  out += static_cast<char>(type);
  out += '\0';
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(stream >> shift);
  return out + std::string(size, 'x');
}

using Heads = std::vector<std::pair<int, int32_t>>;

// The type and stream of all frames when `text` arrives in pieces of that size.
Heads heads_of(const std::string& text, size_t piece) {
  Heads out;
  FrameScanner scanner;
  std::string together;
  for (size_t begin = 0; begin < text.size(); begin += piece) {
    for (std::string_view rest = std::string_view(text).substr(begin, piece); !rest.empty();) {
      const std::string_view part = scanner.next(rest);
      EXPECT_FALSE(part.empty());
      together += part;
      rest.remove_prefix(part.size());
      if (scanner.has_head()) out.emplace_back(scanner.type(), scanner.stream());
    }
  }
  EXPECT_EQ(together, text);
  return out;
}

TEST(FrameScannerTest, EveryHeadIsSeenOnceHoweverItComes) {
  const std::string text = std::string(24, 'P') + frame(4, 0, 0) + frame(1, 1, 70'000) + frame(0, 1, 0) +
                           frame(0, 0xFFFFFFFF, 1) + frame(8, 3, 4);
  const Heads expected{{4, 0}, {1, 1}, {0, 1}, {0, 0x7FFFFFFF}, {8, 3}};
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{9}, size_t{24}, size_t{1000}, text.size()})
    EXPECT_EQ(heads_of(text, piece), expected) << piece;
}

}  // namespace
}  // namespace portcullis::http::h2

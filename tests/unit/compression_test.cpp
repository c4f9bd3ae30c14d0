#include <gtest/gtest.h>

#include "base/random.h"
#include "compression/decoder.h"
#include "compression/encoder.h"

namespace portcullis::compression {
namespace {

constexpr Coding kAll[] = {Coding::kGzip, Coding::kBrotli, Coding::kZstd};

std::string text_of(size_t size) {
  std::string out;
  Random random(size);
  while (out.size() < size) out += "word " + std::to_string(random.below(1000)) + "\n";
  out.resize(size);
  return out;
}

std::string pack(Coding coding, std::string_view text, std::optional<uint64_t> length, size_t piece,
                 bool flushes, int level = 3) {
  const auto encoder = Encoder::make(coding, level, length);
  std::string out;
  for (size_t i = 0; i < text.size(); i += piece) {
    encoder->write(text.substr(i, piece), out);
    if (flushes) encoder->flush(out);
  }
  encoder->finish(out);
  return out;
}

std::optional<std::string> unpack(Coding coding, std::string_view packed, size_t piece) {
  const auto decoder = Decoder::make(coding);
  std::string out;
  for (size_t i = 0; i < packed.size(); i += piece) {
    if (!decoder->write(packed.substr(i, piece), out)) return std::nullopt;
  }
  if (!decoder->is_complete()) return std::nullopt;
  return out;
}

// Levels that different libraries, or different parts of one library, compress.
constexpr int kLevels[] = {1, 2, 3, 6};

TEST(Compression, AnyCutOfTheTextGivesItBack) {
  for (const Coding coding : kAll) {
    for (const size_t size : {size_t{0}, size_t{1}, size_t{5000}, size_t{300'000}}) {
      const std::string text = text_of(size);
      for (const size_t piece : {size_t{7}, size_t{4096}, size_t{1} << 20}) {
        if (size / piece > 5000) continue;
        for (const bool flushes : {false, true}) {
          for (const bool known : {false, true}) {
            for (const int level : kLevels) {
              const auto length = known ? std::optional<uint64_t>(size) : std::nullopt;
              const std::string packed = pack(coding, text, length, piece, flushes, level);
              EXPECT_EQ(unpack(coding, packed, piece), text)
                  << name_of(coding) << size << piece << " level " << level;
            }
          }
        }
      }
    }
  }
}

TEST(Compression, WhatHasBeenFlushedCanBeRead) {
  for (const Coding coding : kAll) {
    for (const int level : kLevels) {
      const auto encoder = Encoder::make(coding, level, std::nullopt);
      const auto decoder = Decoder::make(coding);
      std::string seen;
      for (int i = 0; i < 3; ++i) {
        std::string out;
        encoder->write("event " + std::to_string(i), out);
        encoder->flush(out);
        EXPECT_TRUE(decoder->write(out, seen));
        EXPECT_TRUE(seen.ends_with("event " + std::to_string(i))) << name_of(coding) << level;
        // A receiver that is as fast as the sender would get flushes without an end.
        out.clear();
        encoder->flush(out);
        EXPECT_EQ(out, "") << name_of(coding) << level;
      }
    }
  }
}

TEST(Compression, AHigherLevelOfGzipMakesLess) {
  const std::string text = text_of(100'000);
  size_t before = SIZE_MAX;
  for (const int level : {1, 3, 4, 9}) {
    const size_t size = pack(Coding::kGzip, text, text.size(), text.size(), false, level).size();
    EXPECT_LE(size, before) << level;
    before = size;
  }
}

TEST(Compression, ACompressorThatHasBeenLeftInTheMiddleBeginsAnew) {
  const std::string text = text_of(5000);
  for (const Coding coding : kAll) {
    for (const int level : kLevels) {
      std::string left;
      Encoder::make(coding, level, std::nullopt)->write(text, left);
      EXPECT_EQ(unpack(coding, pack(coding, text, std::nullopt, 1000, true, level), 100), text)
          << name_of(coding) << level;
    }
  }
}

TEST(Compression, WhatIsBrokenIsNoticed) {
  const std::string text = text_of(20'000);
  for (const Coding coding : kAll) {
    const std::string packed = pack(coding, text, std::nullopt, 1000, false);
    EXPECT_FALSE(unpack(coding, packed.substr(0, packed.size() - 1), 100)) << name_of(coding);
    EXPECT_FALSE(unpack(coding, "x" + packed, 100)) << name_of(coding);
    EXPECT_FALSE(unpack(coding, "", 100)) << name_of(coding);
    EXPECT_FALSE(unpack(coding, packed + "rest", 100)) << name_of(coding);
  }
}

TEST(Compression, WhatGrowsBeyondMeasureIsAnAttack) {
  const std::string zeros(64 << 20, '\0');
  for (const Coding coding : kAll) {
    const std::string packed = pack(coding, zeros, std::nullopt, 1 << 20, false, 9);
    std::string out;
    EXPECT_FALSE(Decoder::make(coding)->write(packed, out)) << name_of(coding);
    EXPECT_LT(out.size(), 32u << 20);
  }
}

TEST(Compression, ADecoderMakesNoMoreThanItIsAskedFor) {
  std::string text = text_of(2'000'000);
  text += std::string(100'000, 'a');
  constexpr size_t kMax = 10'000;
  for (const Coding coding : kAll) {
    const std::string packed = pack(coding, text, std::nullopt, 1 << 20, false);
    const auto decoder = Decoder::make(coding);
    std::string out, step;
    ASSERT_TRUE(decoder->write(packed, out, kMax)) << name_of(coding);
    EXPECT_TRUE(decoder->has_more()) << name_of(coding);
    for (; decoder->has_more(); out += step) {
      step.clear();
      ASSERT_TRUE(decoder->more(step, kMax)) << name_of(coding);
      ASSERT_LT(step.size(), 3 * kMax) << name_of(coding);
    }
    EXPECT_TRUE(out == text && decoder->is_complete()) << name_of(coding);
  }
}

TEST(Accepted, WeightsDecideThenTheOrder) {
  const std::vector<Coding> offered{Coding::kZstd, Coding::kBrotli, Coding::kGzip};
  EXPECT_EQ(Accepted("gzip, br").best_of(offered), Coding::kBrotli);
  EXPECT_EQ(Accepted("gzip; Q=0.9, br;q=0.899").best_of(offered), Coding::kGzip);
  EXPECT_EQ(Accepted("*").best_of(offered), Coding::kZstd);
  EXPECT_EQ(Accepted("gzip;q=0.5, identity;q=0.6").best_of(offered), std::nullopt);
  EXPECT_EQ(Accepted("gzip;q=0.5, identity;q=0.5").best_of(offered), Coding::kGzip);
  EXPECT_EQ(Accepted("gzip;q=2, br;q=x, zstd;q=").best_of(offered), std::nullopt);
  EXPECT_EQ(Accepted("").best_of(offered), std::nullopt);
}

}  // namespace
}  // namespace portcullis::compression

#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

namespace portcullis {
namespace {

// Damerau-Levenshtein distance of short words (swapping two neighbouring letters counts as one edit).
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), previous(b.size() + 1), current(b.size() + 1);
  std::iota(previous.begin(), previous.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substitution = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, substitution});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

}  // namespace

size_t utf8_sequence(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const auto continues = [&](size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!continues(1) || !continues(2)) return 0;
    if (lead == 0xE0 && byte(1) < 0xA0) return 0;
    if (lead == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (lead == 0xF0 && byte(1) < 0x90) return 0;
    if (lead == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = utf8_sequence(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), ascii_lower);
  return out;
}

std::optional<std::string_view> nearest_word(std::string_view word,
                                             const std::vector<std::string_view>& candidates) {
  if (word.size() > 64) return std::nullopt;
  const size_t tolerance = std::max<size_t>(1, word.size() / 3);
  size_t best = tolerance + 1;
  std::optional<std::string_view> nearest;
  for (const std::string_view candidate : candidates) {
    const size_t distance = edit_distance(word, candidate);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string suggestion_for(std::string_view word, const std::vector<std::string_view>& candidates) {
  const auto near = nearest_word(word, candidates);
  return near ? " - did you mean `" + std::string(*near) + "`?" : std::string();
}

std::string join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::string without_secrets(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  const size_t begin = scheme + 3;
  const size_t user_end = url.substr(0, url.find('/', begin)).rfind('@');
  std::string out(url.substr(0, begin));
  return out += url.substr(user_end == std::string_view::npos ? begin : user_end + 1);
}

// Checks eight bytes at a time.
size_t plain_json_size(std::string_view text) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHighs = kOnes * 0x80;
  // Not zero when a byte of `word` is less than `min`, which must be at most 0x80.
  const auto has_less = [](uint64_t word, uint64_t min) { return (word - kOnes * min) & ~word & kHighs; };
  const auto has = [&](uint64_t word, char c) {
    return has_less(word ^ (kOnes * static_cast<uint8_t>(c)), 1);
  };
  const auto are_plain = [&](const char* eight) {
    uint64_t word;
    std::memcpy(&word, eight, sizeof word);
    return ((word & kHighs) | has_less(word, ' ') | has(word, '"') | has(word, '\\') | has(word, 0x7F)) == 0;
  };
  size_t size = 0;
  if (text.size() >= 8) {
    while (size + 8 <= text.size() && are_plain(text.data() + size)) size += 8;
    const bool only_the_end_is_left = size + 8 > text.size();
    if (only_the_end_is_left && are_plain(text.data() + text.size() - 8)) return text.size();
  }
  static constexpr auto kPlain = [] {
    std::array<bool, 256> plain{};
    for (size_t c = ' '; c < 0x7F; ++c) plain[c] = c != '"' && c != '\\';
    return plain;
  }();
  while (size < text.size() && kPlain[static_cast<uint8_t>(text[size])]) ++size;
  return size;
}

void append_json_escaped(std::string& out, std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  for (size_t i = 0; i < text.size();) {
    // Appends the characters that need no escaping in one piece.
    const size_t plain = plain_json_size(text.substr(i));
    out.append(text.substr(i, plain));
    i += plain;
    if (i == text.size()) return;
    const char c = text[i];
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
      ++i;
    } else if (static_cast<uint8_t>(c) < 0x20 || c == 0x7F) {
      out += "\\u00";
      out += kHex[static_cast<uint8_t>(c) >> 4];
      out += kHex[static_cast<uint8_t>(c) & 15];
      ++i;
    } else if (const size_t length = utf8_sequence(text.substr(i))) {
      out.append(text.substr(i, length));
      i += length;
    } else {
      out += "\xEF\xBF\xBD";
      ++i;
    }
  }
}

}  // namespace portcullis

#include "base/canonical_json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <concepts>
#include <vector>

#include "base/text.h"

namespace portcullis {
namespace {

// The order of UTF-16 code units for texts in UTF-8. It is the order of bytes, except that code points from
// U+10000 (lead bytes from F0) are surrogates in UTF-16, which come before U+E000 to U+FFFF (EE and EF).
bool is_before(std::string_view a, std::string_view b) {
  const auto [in_a, in_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (in_a == a.end() || in_b == b.end()) return in_a == a.end() && in_b != b.end();
  const auto one = static_cast<uint8_t>(*in_a), other = static_cast<uint8_t>(*in_b);
  if (one >= 0xEE && other >= 0xEE && (one >= 0xF0) != (other >= 0xF0)) return one >= 0xF0;
  return one < other;
}

class CanonicalWriter {
 public:
  Status write(const nlohmann::json& value, int depth) {
    if (depth > kMaxJsonDepth)
      return Error{"the value is nested more than " + std::to_string(kMaxJsonDepth) + " levels deep"};
    switch (value.type()) {
      case nlohmann::json::value_t::object: return write_object(value, depth);
      case nlohmann::json::value_t::array: return write_array(value, depth);
      case nlohmann::json::value_t::string: return write_string(value.get_ref<const std::string&>());
      case nlohmann::json::value_t::boolean: out += value.get<bool>() ? "true" : "false"; return {};
      case nlohmann::json::value_t::number_integer: return write_integer(value.get<int64_t>());
      case nlohmann::json::value_t::number_unsigned: return write_integer(value.get<uint64_t>());
      case nlohmann::json::value_t::number_float: return write_double(value.get<double>());
      case nlohmann::json::value_t::null: out += "null"; return {};
      default: return Error{"the value is not JSON"};
    }
  }

  std::string out;

 private:
  Status write_object(const nlohmann::json& value, int depth) {
    std::vector<nlohmann::json::const_iterator> members;
    members.reserve(value.size());
    for (auto member = value.begin(); member != value.end(); ++member) members.push_back(member);
    const auto in_order = [](const auto& a, const auto& b) { return is_before(a.key(), b.key()); };
    if (!std::is_sorted(members.begin(), members.end(), in_order))
      std::sort(members.begin(), members.end(), in_order);
    out += '{';
    for (const auto& member : members) {
      if (out.back() != '{') out += ',';
      if (Status named = write_string(member.key()); !named) return named;
      out += ':';
      if (Status written = write(*member, depth + 1); !written) return written;
    }
    out += '}';
    return {};
  }

  Status write_array(const nlohmann::json& value, int depth) {
    out += '[';
    bool first = true;
    for (const nlohmann::json& item : value) {
      if (!std::exchange(first, false)) out += ',';
      if (Status written = write(item, depth + 1); !written) return written;
    }
    out += ']';
    return {};
  }

  Status write_string(std::string_view text) {
    if (!is_utf8(text)) return Error{"a text is not valid UTF-8"};
    constexpr std::string_view kShort = "\bb\tt\nn\ff\rr\"\"\\\\";  // pairs: the character, its escape
    out += '"';
    size_t written = 0;  // of `text`
    for (size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (static_cast<uint8_t>(c) >= 0x20 && c != '"' && c != '\\') continue;
      out += text.substr(written, i - written);
      written = i + 1;
      size_t at = 0;
      while (at < kShort.size() && kShort[at] != c) at += 2;
      if (at < kShort.size()) {
        out += '\\';
        out += kShort[at + 1];
      } else {
        constexpr std::string_view kHex = "0123456789abcdef";
        out += "\\u00";
        out += kHex[static_cast<uint8_t>(c) >> 4];
        out += kHex[static_cast<uint8_t>(c) & 15];
      }
    }
    out += text.substr(written);
    out += '"';
    return {};
  }

  // An integer beyond 2^53 is kept when its own digits are those that ECMAScript writes for the double next
  // to it, so that a canonical text can be read and written again.
  Status write_integer(std::integral auto number) {
    const std::string digits = std::to_string(number);
    const size_t begin = out.size();
    if (digits.size() < 16) {
      out += digits;
      return {};
    }
    if (Status written = write_double(static_cast<double>(number)); !written) return written;
    if (std::string_view(out).substr(begin) == digits) return {};
    return Error{"the integer " + digits + " has more digits than a double keeps: write it as a text"};
  }

  // Number::toString of ECMAScript: the shortest digits that give the same number, without an exponent for
  // numbers from 1e-6 to below 1e21.
  Status write_double(double number) {
    if (!std::isfinite(number)) return Error{"a number is not finite"};
    if (number == 0) {
      out += '0';
      return {};
    }
    char buffer[32];
    const auto end =
        std::to_chars(buffer, buffer + sizeof buffer, std::abs(number), std::chars_format::scientific);
    const std::string_view text(buffer, end.ptr - buffer);
    const size_t mark = text.find('e');
    int exponent = 0;
    const size_t sign = text[mark + 1] == '+' ? 1 : 0;
    std::from_chars(text.data() + mark + 1 + sign, text.data() + text.size(), exponent);
    std::string digits(text.substr(0, 1));
    if (mark > 2) digits += text.substr(2, mark - 2);
    const int count = static_cast<int>(digits.size());
    const int point = exponent + 1;  // the decimal point is behind this many digits
    if (number < 0) out += '-';
    if (count <= point && point <= 21) {
      out += digits + std::string(point - count, '0');
    } else if (0 < point && point <= 21) {
      out += digits.substr(0, point) + "." + digits.substr(point);
    } else if (-6 < point && point <= 0) {
      out += "0." + std::string(-point, '0') + digits;
    } else {
      out += digits.substr(0, 1) + (count > 1 ? "." + digits.substr(1) : "") + "e" +
             (exponent < 0 ? "-" : "+") + std::to_string(std::abs(exponent));
    }
    return {};
  }
};

}  // namespace

Result<std::string> canonical_json(const nlohmann::json& value) {
  CanonicalWriter writer;
  if (Status written = writer.write(value, 0); !written) return written.error();
  return std::move(writer.out);
}

}  // namespace portcullis

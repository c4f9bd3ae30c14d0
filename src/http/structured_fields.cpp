#include "http/structured_fields.h"

#include <map>

#include "base/text.h"
#include "crypto/encoding.h"
#include "http/characters.h"

namespace portcullis::http {
namespace {

constexpr size_t kMaxBytes = 64 * 1024;
// Max entries of a dictionary or a list, and max parameters of an item (sections 3.1 and 3.2).
constexpr size_t kMaxMembers = 1024;

// Maps each key to its position in a growing list.
class Places {
 public:
  // The position of `key`, which is `next` for a new key.
  size_t of(const std::string& key, size_t next) { return places_.try_emplace(key, next).first->second; }

 private:
  std::map<std::string, size_t> places_;
};

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// A parser as in section 4.2. Each method removes what it has parsed from the front of the text. After a
// method has returned false, the reader must not be used any more.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool dictionary(std::vector<Member>& out) {
    skip(' ');
    Places places;
    for (size_t count = 0; !text_.empty(); ++count) {
      Member member;
      if (count == kMaxMembers || !key(member.key)) return false;
      if (take('=')) {
        if (!item_or_list(member.value)) return false;
      } else {
        Item present{true, {}};
        if (!parameters(present.parameters)) return false;
        member.value = std::move(present);
      }
      const size_t place = places.of(member.key, out.size());
      if (place == out.size()) out.emplace_back();
      out[place] = std::move(member);
      skip_white();
      if (text_.empty()) return true;
      if (!take(',')) return false;
      skip_white();
      if (text_.empty()) return false;  // a trailing comma
    }
    return true;
  }

 private:
  bool take(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  void skip(char c) {
    while (take(c)) {
    }
  }
  void skip_white() {
    while (take(' ') || take('\t')) {
    }
  }

  bool key(std::string& out) {
    if (text_.empty() || !(is_lower(text_[0]) || text_[0] == '*')) return false;
    size_t size = 1;
    while (size < text_.size() && (is_lower(text_[size]) || is_digit(text_[size]) ||
                                   std::string_view("_-.*").find(text_[size]) != std::string_view::npos))
      ++size;
    out = text_.substr(0, size);
    text_.remove_prefix(size);
    return true;
  }

  bool item_or_list(std::variant<Item, InnerList>& out) {
    if (!text_.empty() && text_[0] == '(') {
      InnerList list;
      if (!inner_list(list)) return false;
      out = std::move(list);
      return true;
    }
    Item item;
    if (!bare_item(item.value) || !parameters(item.parameters)) return false;
    out = std::move(item);
    return true;
  }

  bool inner_list(InnerList& out) {
    take('(');
    for (;;) {
      skip(' ');
      if (take(')')) return parameters(out.parameters);
      Item item;
      if (out.items.size() == kMaxMembers || !bare_item(item.value) || !parameters(item.parameters))
        return false;
      out.items.push_back(std::move(item));
      if (text_.empty() || (text_[0] != ' ' && text_[0] != ')')) return false;
    }
  }

  bool parameters(Parameters& out) {
    Places places;
    for (size_t count = 0; take(';'); ++count) {
      skip(' ');
      std::string name;
      BareItem value = true;
      if (count == kMaxMembers || !key(name)) return false;
      if (take('=') && !bare_item(value)) return false;
      const size_t place = places.of(name, out.size());
      if (place == out.size()) out.emplace_back();
      out[place] = {std::move(name), std::move(value)};
    }
    return true;
  }

  bool bare_item(BareItem& out) {
    if (text_.empty()) return false;
    const char c = text_[0];
    if (c == '"') return string(out);
    if (c == ':') return bytes(out);
    if (c == '?') return boolean(out);
    if (c == '-' || is_digit(c)) return number(out);
    if (c == '*' || is_lower(ascii_lower(c))) return token(out);
    return false;
  }

  bool string(BareItem& out) {
    std::string text;
    for (size_t i = 1; i < text_.size(); ++i) {
      char c = text_[i];
      if (c == '"') {
        text_.remove_prefix(i + 1);
        out = std::move(text);
        return true;
      }
      if (c == '\\') {
        if (++i == text_.size() || (text_[i] != '"' && text_[i] != '\\')) return false;
        c = text_[i];
      } else if (c < 0x20 || c > 0x7e) {
        return false;
      }
      text += c;
    }
    return false;
  }

  bool bytes(BareItem& out) {
    const size_t end = text_.find(':', 1);
    if (end == std::string_view::npos) return false;
    auto decoded = crypto::base64_decode(text_.substr(1, end - 1), crypto::Base64::kStandard);
    if (!decoded) return false;
    text_.remove_prefix(end + 1);
    out = ByteSequence{std::move(*decoded)};
    return true;
  }

  bool boolean(BareItem& out) {
    if (text_.size() < 2 || (text_[1] != '0' && text_[1] != '1')) return false;
    out = text_[1] == '1';
    text_.remove_prefix(2);
    return true;
  }

  // Section 4.2.4: up to 15 digits, or up to 12 before the point and up to 3 behind it.
  bool number(BareItem& out) {
    const int64_t sign = take('-') ? -1 : 1;
    int64_t whole = 0;
    const size_t size = digits(15, whole);
    if (size == 0) return false;
    if (!take('.')) {
      out = sign * whole;
      return true;
    }
    int64_t fraction = 0;
    size_t behind = digits(3, fraction);
    if (size > 12 || behind == 0) return false;
    for (; behind < 3; ++behind) fraction *= 10;
    out = Decimal{sign * (whole * 1000 + fraction)};
    return true;
  }
  // The number of digits parsed; 0 also when there are more than `max`.
  size_t digits(size_t max, int64_t& value) {
    size_t size = 0;
    for (; size < text_.size() && is_digit(text_[size]); ++size) {
      if (size == max) return 0;
      value = value * 10 + (text_[size] - '0');
    }
    text_.remove_prefix(size);
    return size;
  }

  bool token(BareItem& out) {
    size_t size = 1;
    while (size < text_.size() && (is_token(text_[size]) || text_[size] == ':' || text_[size] == '/')) ++size;
    out = Token{std::string(text_.substr(0, size))};
    text_.remove_prefix(size);
    return true;
  }

  std::string_view text_;
};

std::string quote(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// Section 4.1.5: at least one digit after the point, and no further trailing zeros.
std::string write_decimal(const Decimal& decimal) {
  const uint64_t size = decimal.thousandths < 0 ? -static_cast<uint64_t>(decimal.thousandths)
                                                : static_cast<uint64_t>(decimal.thousandths);
  std::string fraction = std::to_string(1000 + size % 1000).substr(1);
  while (fraction.size() > 1 && fraction.back() == '0') fraction.pop_back();
  return (decimal.thousandths < 0 ? "-" : "") + std::to_string(size / 1000) + "." + fraction;
}

std::string serialize(const BareItem& item) {
  struct Write {
    std::string operator()(bool value) const { return value ? "?1" : "?0"; }
    std::string operator()(int64_t value) const { return std::to_string(value); }
    std::string operator()(const Decimal& value) const { return write_decimal(value); }
    std::string operator()(const std::string& text) const { return quote(text); }
    std::string operator()(const Token& token) const { return token.text; }
    std::string operator()(const ByteSequence& sequence) const {
      return ":" + crypto::base64_encode(sequence.bytes, crypto::Base64::kStandard) + ":";
    }
  };
  return std::visit(Write{}, item);
}

std::string serialize(const Parameters& parameters) {
  std::string out;
  for (const auto& [key, value] : parameters) {
    out += ";" + key;
    if (const bool* flag = std::get_if<bool>(&value); flag == nullptr || !*flag)
      out += "=" + serialize(value);
  }
  return out;
}

}  // namespace

std::optional<std::vector<Member>> parse_dictionary(std::string_view text) {
  std::vector<Member> out;
  if (text.size() > kMaxBytes || !Reader(text).dictionary(out)) return std::nullopt;
  return out;
}

std::string serialize(const Item& item) {
  return serialize(item.value) + serialize(item.parameters);
}

std::string serialize(const InnerList& list) {
  std::string out = "(";
  for (const Item& item : list.items) out += (out.size() == 1 ? "" : " ") + serialize(item);
  return out + ")" + serialize(list.parameters);
}

const BareItem* find_parameter(const Parameters& parameters, std::string_view key) {
  for (const auto& [name, value] : parameters) {
    if (name == key) return &value;
  }
  return nullptr;
}

}  // namespace portcullis::http

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace portcullis::http {

// Structured fields (RFC 9651), limited to the parts that message signatures, digests and targeted cache
// control use: dates and display strings are not supported.
struct Token {
  std::string text;
};
struct ByteSequence {
  std::string bytes;
};
// A decimal in thousandths, the finest resolution of section 3.3.2: 1.5 is stored as 1500.
struct Decimal {
  int64_t thousandths = 0;
};
using BareItem = std::variant<bool, int64_t, Decimal, std::string, Token, ByteSequence>;
using Parameters = std::vector<std::pair<std::string, BareItem>>;

struct Item {
  BareItem value;
  Parameters parameters;
};
struct InnerList {
  std::vector<Item> items;
  Parameters parameters;
};
struct Member {
  std::string key;
  std::variant<Item, InnerList> value;
};

// Parses a field value as a dictionary (section 4.2.2). A repeated key, of a member or a parameter, replaces
// the earlier value and keeps its position. Empty when the text is malformed, is longer than 64 KiB, or has
// more than 1,024 members, items in one list, or parameters of one item.
std::optional<std::vector<Member>> parse_dictionary(std::string_view text);

// Writes an item in the canonical form of section 4.1.
std::string serialize(const Item& item);
std::string serialize(const InnerList& list);

const BareItem* find_parameter(const Parameters& parameters, std::string_view key);

}  // namespace portcullis::http

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace portcullis::http {

// Structured fields (RFC 9651): the parts that message signatures, digests and targeted cache controls are
// made of, without dates and display strings, which none of them has.
struct Token {
  std::string text;
};
struct ByteSequence {
  std::string bytes;
};
// A decimal (section 3.3.2) in thousandths, which is as fine as it can be: 1.5 is 1500.
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

// A whole field value that is a dictionary (section 4.2.2). A key that comes again, of a member or a
// parameter, has its value replaced in the place where it came first. Nothing when the text is broken, is
// longer than 64 KiB, or has more than 1,024 members, items in one list, or parameters of one item.
std::optional<std::vector<Member>> parse_dictionary(std::string_view text);

// The text in the one form that section 4.1 gives it.
std::string serialize(const Item& item);
std::string serialize(const InnerList& list);

const BareItem* find_parameter(const Parameters& parameters, std::string_view key);

}  // namespace portcullis::http

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace portcullis::http {

// Structured fields (RFC 8941): the parts that message signatures and digests are made of.
struct Token {
  std::string text;
};
struct ByteSequence {
  std::string bytes;
};
using BareItem =
    std::variant<bool, int64_t, std::string, Token, ByteSequence>;  // no decimals: nothing here has them
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

// A whole field value that is a dictionary (section 4.2.2); a key that comes again replaces the one before.
// Nothing when it is broken, or larger than any signature needs.
std::optional<std::vector<Member>> parse_dictionary(std::string_view text);

// As section 4.1 writes them.
std::string serialize(const Item& item);
std::string serialize(const InnerList& list);

const BareItem* find_parameter(const Parameters& parameters, std::string_view key);

}  // namespace portcullis::http

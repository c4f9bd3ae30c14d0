#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "http/message.h"

namespace portcullis::http {

// Removes the next character of a query's name or value from `encoded` and returns it decoded
// (form-urlencoding of the URL standard: '+' is a space). A malformed encoding is returned unchanged.
char next_query_character(std::string_view& encoded);
bool equals_query_text(std::string_view encoded, std::string_view plain);

std::string decode_query_text(std::string_view encoded);
// Percent-encodes all characters except letters, digits and those in `plain` (by default the unreserved
// characters of RFC 3986 section 2.3: a part of a URL).
std::string percent_encode(std::string_view text, std::string_view plain = "-._~");

// Decodes %XX. Malformed encodings stay unchanged, and so does the encoding of `keep` unless `keep` is '\0'.
std::string percent_decode(std::string_view text, char keep = '\0');

// Calls visit(name, value, whole) for each parameter, still encoded, until it returns false.
template <typename Visit>
void for_each_query_parameter(std::string_view query, Visit visit) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const size_t equals = std::min(pair.find('='), pair.size());
    if (!visit(pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size())), pair)) return;
  }
}

// True when the query has a parameter called `name`.
bool has_query_parameter(std::string_view query, std::string_view name);
// The decoded value of the first parameter called `name`, in `arena`.
std::optional<std::string_view> find_query_parameter(std::string_view query, std::string_view name,
                                                     Arena& arena);
// Removes every parameter called `name` from the request's query.
void remove_query_parameter(RequestHead& request, std::string_view name, Arena& arena);

// The value of the first cookie called `name` (RFC 6265 section 4.2.1).
std::optional<std::string_view> find_cookie(const Fields& fields, std::string_view name);
// True when any cookie called `name` has this value. All of them count, because it is not known which one a
// backend uses.
bool has_cookie(const Fields& fields, std::string_view name, std::string_view value);
// Removes every cookie called `name`. The remaining cookies are combined into one field with their original
// separators; when no cookie remains, the field is removed.
void remove_cookie(Fields& fields, std::string_view name, Arena& arena);

}  // namespace portcullis::http

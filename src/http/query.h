#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "http/message.h"

namespace portcullis::http {

// The next character of a query's name or value, decoded (the form-urlencoding of the URL standard: '+' is a
// space); a broken encoding stands for itself.
char next_query_character(std::string_view& encoded);
bool equals_query_text(std::string_view encoded, std::string_view plain);

std::string decode_query_text(std::string_view encoded);
// Everything but letters, digits and what stands in `plain` as %XX.
std::string percent_encode(std::string_view text, std::string_view plain);

// The other way; a broken encoding stands for itself, and so does that of `keep`, where it is not '\0'.
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

// The first parameter of that name, decoded, in `arena`.
std::optional<std::string_view> find_query_parameter(std::string_view query, std::string_view name,
                                                     Arena& arena);
// Removes every parameter of that name from the request's query.
void remove_query_parameter(RequestHead& request, std::string_view name, Arena& arena);

// The first cookie of that name (RFC 6265 section 4.2.1).
std::optional<std::string_view> find_cookie(const Fields& fields, std::string_view name);
// One of the cookies of that name has this value: which of them a backend takes is not known.
bool has_cookie(const Fields& fields, std::string_view name, std::string_view value);
// Removes every cookie of that name. The others are then in one field, separated as they were; without any,
// there is no field.
void remove_cookie(Fields& fields, std::string_view name, Arena& arena);

}  // namespace portcullis::http

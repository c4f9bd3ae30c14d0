#include "redis/request.h"

#include <array>
#include <charconv>

namespace portcullis::redis {
namespace {

// Adds "*3\r\n" or "$5\r\n".
void add_size(std::string& out, char mark, size_t size) {
  std::array<char, 24> text;
  text[0] = mark;
  char* end = std::to_chars(text.data() + 1, text.data() + text.size(), size).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append(text.data(), end);
}

}  // namespace

// The function of hiredis for this uses sprintf(), which takes as long as all the rest of a command.
void Request::add(std::span<const std::string_view> words) {
  add_size(bytes, '*', words.size());
  for (const std::string_view word : words) {
    add_size(bytes, '$', word.size());
    bytes.append(word).append("\r\n");
  }
  ++replies;
}

}  // namespace portcullis::redis

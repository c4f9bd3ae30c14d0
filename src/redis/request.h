#pragma once

#include <span>
#include <string>
#include <string_view>

namespace portcullis::redis {

// Commands that are sent together, as bytes of the Redis protocol. The last reply is the answer.
struct Request {
  std::string bytes;
  size_t replies = 0;  // how many commands there are

  static Request of(std::span<const std::string_view> words) {
    Request out;
    out.add(words);
    return out;
  }
  static Request of(std::initializer_list<std::string_view> words) {
    return of(std::span(words.begin(), words.size()));
  }
  void add(std::span<const std::string_view> words);
  void add(std::initializer_list<std::string_view> words) { add(std::span(words.begin(), words.size())); }
};

}  // namespace portcullis::redis

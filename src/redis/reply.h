#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::redis {

// The answer of a server to a command.
struct Reply {
  enum class Kind : uint8_t { kUnavailable, kError, kNil, kInteger, kText, kList };
  Kind kind = Kind::kUnavailable;
  // Of kUnavailable: the command was sent, so the server may have executed it. Sending it again could execute
  // it twice.
  bool may_have_run = false;
  int64_t integer = 0;
  std::string text;  // the text of kText and kError; the reason of kUnavailable
  std::vector<Reply> list;

  static Reply unavailable(std::string_view why) {
    Reply out;
    out.text = why;
    return out;
  }
  bool is_error() const { return kind == Kind::kError; }
  // True for an error with this code, such as "NOSCRIPT".
  bool is_error(std::string_view code) const { return is_error() && text.starts_with(code); }
};

}  // namespace portcullis::redis

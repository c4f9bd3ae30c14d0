#pragma once

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "base/text.h"

namespace portcullis {

// True when a header field, query parameter or cookie of this name is known to carry a credential. Its value
// is redacted in logs, and is a secret where a configuration has it.
inline bool is_secret_name(std::string_view name) {
  static constexpr std::string_view kNames[] = {
      "authorization", "proxy-authorization", "cookie", "set-cookie", "code", "sig", "key", "apikey"};
  static constexpr std::string_view kParts[] = {"token",   "secret",    "password",  "api-key",
                                                "api_key", "signature", "credential"};
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [name](std::string_view one) { return equals_ignoring_case(one, name); }) ||
         std::any_of(std::begin(kParts), std::end(kParts),
                     [name](std::string_view part) { return contains_ignoring_case(name, part); });
}

// The message with `***` in the place of a secret. One of few letters is hidden where it is quoted, because
// it may be a part of other words.
inline std::string without_secret(std::string message, const std::string& secret) {
  constexpr size_t kMinLength = 6;
  const bool is_short = secret.size() < kMinLength;
  const std::string wanted = is_short ? "`" + secret + "`" : secret, hidden = is_short ? "`***`" : "***";
  for (size_t at = message.find(wanted); at != std::string::npos;
       at = message.find(wanted, at + hidden.size()))
    message.replace(at, wanted.size(), hidden);
  return message;
}

}  // namespace portcullis

#pragma once

#include <charconv>
#include <cstdint>
#include <string_view>

#include "policy/policy.h"

namespace portcullis::policy {

// `number` in decimal, in the exchange's arena.
inline std::string_view response_digits(Context& context, uint64_t number) {
  char* text = context.arena.allocate(20, 1);
  const auto [end, error] = std::to_chars(text, text + 20, number);
  return {text, static_cast<size_t>(end - text)};
}

}  // namespace portcullis::policy

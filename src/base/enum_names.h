#pragma once

#include <array>
#include <string_view>

namespace portcullis {

// One value of an enum with its name.
template <typename E>
struct EnumName {
  E value;
  std::string_view name;
};

// The names of an enum are listed once, next to the enum. The configuration, its schema, logs, metrics and
// `explain` all use that list. The list is returned by a function that argument-dependent lookup finds:
//
//   constexpr auto names_of(Colour) {
//     return std::to_array<EnumName<Colour>>({{Colour::kRed, "red"}, {Colour::kBlue, "blue"}});
//   }
template <typename E>
concept NamedEnum = requires(E value) {
  names_of(value).front().name;
};

// The name of `value`; empty when the list does not contain `value`.
template <NamedEnum E>
constexpr std::string_view name_of(E value) {
  for (const EnumName<E>& one : names_of(value)) {
    if (one.value == value) return one.name;
  }
  return "";
}

}  // namespace portcullis

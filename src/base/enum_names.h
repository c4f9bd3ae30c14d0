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

// The names of an enum stand once, beside the enum, and all that reads or writes them goes by that table: the
// configuration, its schema, logs, metrics and `explain`. The table is a function that is found by its
// argument:
//
//   constexpr auto names_of(Colour) {
//     return std::to_array<EnumName<Colour>>({{Colour::kRed, "red"}, {Colour::kBlue, "blue"}});
//   }
template <typename E>
concept NamedEnum = requires(E value) {
  names_of(value).front().name;
};

// The name of `value`; empty when the table does not have it.
template <NamedEnum E>
constexpr std::string_view name_of(E value) {
  for (const EnumName<E>& one : names_of(value)) {
    if (one.value == value) return one.name;
  }
  return "";
}

}  // namespace portcullis

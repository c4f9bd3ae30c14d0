#pragma once

#include <span>
#include <string>
#include <string_view>

#include "variables/variable.h"

namespace portcullis::variables {

// A name that earlier versions took. One that ends in a dot stands for all names that begin so.
struct OldName {
  Use use;
  std::string_view was;
  std::string_view is;
};

std::span<const OldName> old_names();

// What `name`, which is no variable, is called now, when earlier versions took it in a `use`; else "". Of a
// family, as in `header.x-tenant`, the argument is kept.
std::string name_now(std::string_view name, Use use);

}  // namespace portcullis::variables

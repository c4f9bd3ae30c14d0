#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace portcullis {

// The hunks of a unified diff between two texts, with three lines of context; empty when they are equal. The
// numbers of lines begin with `first_line`. Texts whose comparison would take too long are told as replaced
// whole.
std::string unified_hunks(std::string_view before, std::string_view after, size_t first_line = 1);

}  // namespace portcullis

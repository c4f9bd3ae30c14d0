#pragma once

#include <string>
#include <string_view>

#include "cli/small_options.h"

namespace portcullis::cli {

// The configuration that a plan stands for: YAML with comments, as a person would write it. `command` is
// named at its top as what has made it.
std::string yaml_of(const SmallPlan& plan, const std::string& command);

// `portcullis run --to ...` with these options, quoted for a shell. A key is named by its hash.
std::string command_of(const SmallOptions& options, const SmallPlan& plan);

// What is said once when it serves. `made_key`: the key that was made for this run, which is shown; empty:
// none. `moved_from`: the dashboard's default address, when that was taken; or empty.
std::string welcome_of(const SmallPlan& plan, const std::string& command, const std::string& made_key,
                       const std::string& moved_from);

// `text` as a scalar in YAML that stands for precisely that text: plain where that is safe, else in quotes.
// `text` is valid UTF-8.
std::string yaml_text(std::string_view text);

}  // namespace portcullis::cli

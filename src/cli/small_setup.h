#pragma once

#include <string>
#include <string_view>

#include "cli/small_options.h"

namespace portcullis::cli {

// The configuration for a plan: YAML with comments, as a person would write it. `command` is named in its
// first line as the origin.
std::string yaml_of(const SmallPlan& plan, const std::string& command);

// The command line `portcullis run --to ...` with these options, quoted for a shell. A key is replaced by its
// hash.
std::string command_of(const SmallOptions& options, const SmallPlan& plan);

// The message when serving begins. `made_key` is the key that was made for this run, to be shown; empty:
// none. `moved_from` is the dashboard's default address, if that was in use; otherwise empty.
std::string welcome_of(const SmallPlan& plan, const std::string& command, const std::string& made_key,
                       const std::string& moved_from);

// `text` as a YAML scalar with exactly this value: plain where that is unambiguous, otherwise in quotes.
// `text` must be valid UTF-8.
std::string yaml_text(std::string_view text);

}  // namespace portcullis::cli

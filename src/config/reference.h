#pragma once

#include <string>

namespace portcullis::config {

// The text of docs/configuration.md, generated from the same description that the loader uses.
std::string reference_page();

}  // namespace portcullis::config

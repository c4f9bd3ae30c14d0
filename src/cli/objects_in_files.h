#pragma once

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/output.h"
#include "config/object.h"

namespace portcullis::cli {

// The objects of the configuration at `path`, a file or a folder: in the order of the files, with variables
// replaced and secrets marked. It may lack `version` and `listeners`. Nothing when it cannot be read or is
// wrong; then the mistakes have been printed, and `failure` has the exit code.
std::optional<std::vector<config::ObjectPointer>> objects_in_files(const std::string& path, Failure& failure);

// Objects as one document, `{"routes": [...]}`, without secrets.
nlohmann::json document_of(std::span<const config::ObjectPointer> objects);

}  // namespace portcullis::cli

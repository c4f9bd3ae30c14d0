#pragma once

#include <string>

#include "base/result.h"

namespace portcullis {

// Reads a whole file. The error is the text of errno.
Result<std::string> read_file(const std::string& path);

}  // namespace portcullis

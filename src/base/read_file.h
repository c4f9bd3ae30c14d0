#pragma once

#include <string>

#include "base/result.h"

namespace portcullis {

// A whole file. The error is the system's word for why not.
Result<std::string> read_file(const std::string& path);

}  // namespace portcullis

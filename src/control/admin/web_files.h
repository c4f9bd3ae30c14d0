#pragma once

#include <string_view>

namespace portcullis::control {

// A file of the dashboard (web/), which is part of the program.
struct WebFile {
  std::string_view path;  // as asked for: "/", "/assets/app.js"
  std::string_view content_type;
  std::string_view content;
};

// Null when there is none. The files are added by the build: cmake/WebFiles.cmake.
const WebFile* find_web_file(std::string_view path);

}  // namespace portcullis::control

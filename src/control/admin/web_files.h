#pragma once

#include <string_view>

namespace portcullis::control {

// A file of the dashboard (web/), which is part of the program.
struct WebFile {
  std::string_view path;  // as asked for: "/", "/assets/app.js"
  std::string_view content_type;
  std::string_view content;
};

// Null when there is none.
const WebFile* find_web_file(std::string_view path);

// The same of the files alone that the build adds: cmake/WebFiles.cmake.
const WebFile* find_added_file(std::string_view path);

}  // namespace portcullis::control

#pragma once

#include <string_view>

namespace portcullis::control {

// A file of the dashboard (web/), which is compiled into the program.
struct WebFile {
  std::string_view path;  // the path of a request, such as "/" or "/assets/app.js"
  std::string_view content_type;
  std::string_view content;
};

// The file at `path`, or null.
const WebFile* find_web_file(std::string_view path);

// The file at `path` among those that the build adds (cmake/WebFiles.cmake), or null.
const WebFile* find_added_file(std::string_view path);

}  // namespace portcullis::control

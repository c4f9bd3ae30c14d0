#include "control/admin/web_files.h"

#include "control/reason_page.h"

namespace portcullis::control {

const WebFile* find_web_file(std::string_view path) {
  static const WebFile kReasons{"/assets/reason_table.js", "text/javascript; charset=utf-8",
                                reasons_module()};
  return path == kReasons.path ? &kReasons : find_added_file(path);
}

}  // namespace portcullis::control

#include "config/labels.h"

namespace portcullis::config {
namespace {

std::string check_label(const std::string& text) {
  return is_label(text) ? "" : "`" + text + "` is not a label: use 1 to 63 letters, digits, `.`, `_` and `-`";
}

}  // namespace

bool is_label(std::string_view text) {
  constexpr size_t kMaxLength = 63;
  constexpr const char* kCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  return !text.empty() && text.size() <= kMaxLength &&
         text.find_first_not_of(kCharacters) == std::string_view::npos;
}

Type<TextMap> labels_type() {
  return text_map(check_label, "{team: orders}", check_label);
}

}  // namespace portcullis::config

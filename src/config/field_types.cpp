#include "config/field_types.h"

#include <algorithm>

#include "http/characters.h"
#include "runtime/ip_range.h"

namespace portcullis::config {

TypePointer name_type() {
  return checked_text("a name", "^[A-Za-z0-9._-]{1,128}$", [](const std::string& name) -> std::string {
    const bool good =
        !name.empty() && name.size() <= 128 &&
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
            std::string::npos;
    return good ? "" : "`" + name + "` is not a name: use letters, digits, '-', '_' and '.'";
  });
}

std::string check_field_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), http::is_token)
             ? ""
             : "`" + name + "` is not a header's name";
}

std::string check_url(const std::string& text) {
  return text.starts_with("https://") || text.starts_with("http://")
             ? ""
             : "`" + text + "` is not a URL: it must start with https:// or http://";
}

TypePointer field_name_type() {
  return checked_text("a header's name", "", check_field_name);
}

TypePointer url_type() {
  return checked_text("a URL", "^https?://", check_url);
}

TypePointer address_range_type() {
  return checked_text("an address range", "", [](const std::string& text) -> std::string {
    const auto range = IpRange::parse(text);
    return range ? "" : range.error().message;
  });
}

}  // namespace portcullis::config

#include "config/field_types.h"

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

TypePointer address_range_type() {
  return checked_text("an address range", "", [](const std::string& text) -> std::string {
    const auto range = IpRange::parse(text);
    return range ? "" : range.error().message;
  });
}

}  // namespace portcullis::config

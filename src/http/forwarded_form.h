#pragma once

#include <cstdint>

#include "base/enum_names.h"

namespace portcullis::http {

// The header fields that tell which way a request came: they are read from trusted proxies and written for
// targets. The fields of the other forms are removed, so that they cannot mislead a target.
enum class ForwardedForm : uint8_t {
  kXForwarded,  // X-Forwarded-For, -Proto, -Host
  kForwarded,   // RFC 7239
  kBoth,        // reads X-Forwarded-*, writes both
  kNone,
};
constexpr auto names_of(ForwardedForm) {
  return std::to_array<EnumName<ForwardedForm>>({{ForwardedForm::kXForwarded, "x_forwarded"},
                                                 {ForwardedForm::kForwarded, "forwarded"},
                                                 {ForwardedForm::kBoth, "both"},
                                                 {ForwardedForm::kNone, "none"}});
}

}  // namespace portcullis::http

#pragma once

#include <string>

#include "config/admin.h"

namespace portcullis::control {

// The client of the admin API, as the guard knows it.
struct Caller {
  std::string name = "local";  // of the token; `local` when no token is needed
  config::AdminRole role = config::AdminRole::kAdmin;
  config::TextMap labels{};  // the labels that objects must have which the caller writes; empty: any object
  bool has_token = false;
};

// True when `role` includes `needed`.
inline bool includes(config::AdminRole role, config::AdminRole needed) {
  return role >= needed;
}

}  // namespace portcullis::control

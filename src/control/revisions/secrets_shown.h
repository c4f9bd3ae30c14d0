#pragma once

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <vector>

// How secrets are shown to those who read objects, and how objects come back without having shown them.
namespace portcullis::control {

// What stands in the place of a secret.
inline constexpr const char* kHidden = "***";

// The object with `***` in the place of each secret. Of a URL only the credentials are hidden.
nlohmann::json hide_secrets(nlohmann::json object, const std::vector<std::string>& secrets);
// The text that hide_secrets() shows for a secret.
std::string hidden_text(const std::string& secret);

// True when a value below `object` is one that hide_secrets() may have written.
bool has_hidden(const nlohmann::json& object);

struct Restored {
  std::vector<std::string> secrets;    // JSON pointers to the secrets that were put into the object
  std::optional<std::string> missing;  // JSON pointer to the first `***` for which nothing is stored
};
// Puts the stored secrets into an object that was sent with `***`. The elements of a list are compared with
// the stored ones by what is not secret, or else by their names: a list whose order has changed gets the
// secrets that belong to its elements, and an element that is new gets none. Where several stored elements
// look the same, and not all of them have been sent, no element gets a secret, because it might be another
// one's. A `***` that is no secret stays as it is in its place.
Restored restore_secrets(nlohmann::json& sent, const nlohmann::json& stored,
                         const std::vector<std::string>& secrets);

}  // namespace portcullis::control

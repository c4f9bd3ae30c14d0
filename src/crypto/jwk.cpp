#include "crypto/jwk.h"

#include <nlohmann/json.hpp>

#include "crypto/encoding.h"

namespace portcullis::crypto {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxKeys = 1000;

std::string text_of(const Json& key, const char* name) {
  const auto found = key.find(name);
  return found != key.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string bytes_of(const Json& key, const char* name) {
  return base64_decode(text_of(key, name), Base64::kUrl).value_or("");
}

// Whether `use` and `key_ops` permit verification (RFC 7517 sections 4.2 and 4.3).
bool is_for_verifying(const Json& key) {
  if (key.contains("use") && text_of(key, "use") != "sig") return false;
  const auto operations = key.find("key_ops");
  if (operations == key.end()) return true;
  if (!operations->is_array()) return false;
  return std::any_of(operations->begin(), operations->end(), [](const Json& one) { return one == "verify"; });
}

Result<Key> read_key(const Json& key, const std::string& kind) {
  if (kind == "RSA") return Key::from_rsa(bytes_of(key, "n"), bytes_of(key, "e"));
  if (kind == "EC") return Key::from_curve(text_of(key, "crv"), bytes_of(key, "x"), bytes_of(key, "y"));
  if (kind == "OKP") return Key::from_edwards(text_of(key, "crv"), bytes_of(key, "x"));
  std::string secret = bytes_of(key, "k");
  if (secret.empty()) return Error{"the member `k` is missing or not base64url"};
  return Key::from_secret(std::move(secret));
}

// Adds one verifier for each algorithm of the key to `out`. Returns the reason when the key is broken,
// otherwise "".
std::string add_key(const Json& key, std::vector<NamedVerifier>& out) {
  if (!key.is_object()) return "the key is not a JSON object";
  const std::string kind = text_of(key, "kty");
  if (kind != "RSA" && kind != "EC" && kind != "OKP" && kind != "oct") return "";
  if (!is_for_verifying(key)) return "";
  const std::string algorithm = text_of(key, "alg");
  const auto bound = algorithm_by_name(algorithm);
  if (!bound && key.contains("alg"))
    return "";  // an algorithm that does not sign, or that is not supported yet
  const Result<Key> read = read_key(key, kind);
  if (!read) return read.error().message;
  std::string fault;
  bool any = false;
  for (const Algorithm one : read->algorithms()) {
    if (bound && one != *bound) continue;
    Result<Verifier> verifier = Verifier::make(*read, one);
    if (verifier) {
      out.push_back({text_of(key, "kid"), std::move(*verifier)});
      any = true;
    } else if (fault.empty()) {
      fault = verifier.error().message;
    }
  }
  if (any) return "";
  return fault.empty() ? "no supported algorithm can use the key" : fault;
}

}  // namespace

Result<std::vector<NamedVerifier>> parse_jwks(std::string_view text, std::vector<std::string>* faults) {
  const Json set = Json::parse(text, nullptr, false);
  if (!set.is_object()) return Error{"this is not a JSON Web Key Set"};
  const auto keys = set.find("keys");
  const Json single = Json::array({set});
  if (keys != set.end() ? !keys->is_array() : !set.contains("kty"))
    return Error{"this is not a JSON Web Key Set: the member `keys` is missing"};
  const Json& list = keys != set.end() ? *keys : single;
  if (list.size() > kMaxKeys) return Error{"the key set has more than " + std::to_string(kMaxKeys) + " keys"};
  std::vector<NamedVerifier> out;
  std::string first_fault = "the set contains no key for verifying signatures";
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string fault = add_key(list[i], out);
    if (fault.empty()) continue;
    const std::string told = "key " + std::to_string(i) + ": " + fault;
    if (faults != nullptr) faults->push_back(told);
    first_fault = told;
  }
  if (out.empty()) return Error{"no usable key: " + first_fault};
  return out;
}

}  // namespace portcullis::crypto

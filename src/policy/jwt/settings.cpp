#include "policy/jwt/settings.h"

#include "base/text.h"
#include "config/field_types.h"
#include "config/marked_type.h"
#include "config/value_types.h"

namespace portcullis::policy::jwt {
namespace {

using namespace config;

std::string check_algorithm(const std::string& text) {
  if (crypto::algorithm_by_name(text)) return "";
  if (equals_ignoring_case(text, "none"))
    return "`none` is not allowed: the gateway would accept tokens without a signature";
  return "`" + text + "` is not an algorithm" + suggestion_for(text, crypto::algorithm_names());
}

// True for a key set with keys that are not public (RFC 7518 sections 6.2.2, 6.3.2 and 6.4).
bool has_secret_key(const std::string& jwks) {
  return jwks.find("\"k\"") != std::string::npos || jwks.find("\"d\"") != std::string::npos;
}

Type<KeySettings> keys_type() {
  auto type = std::make_shared<ObjectType<KeySettings>>(
      "jwks", "The place of the issuer's JSON Web Key Set: one of `file`, `inline`, `url` and `discover`.");
  type->locate(&KeySettings::location)
      .optional("file", &KeySettings::file, file_path("/etc/portcullis/keys.json"),
                "A file with the key set, which is checked for changes every `refresh` (10s), so that keys "
                "can change without a reload. A relative path begins at the configuration's folder.")
      .optional("inline", &KeySettings::inline_text,
                secret_if(text("'${file:/etc/portcullis/keys.json}'"), has_secret_key),
                "The key set itself, as JSON text.")
      .optional("url", &KeySettings::url, url_type(),
                "The URL of the key set, which is fetched again every `refresh` (10m).")
      .optional("discover", &KeySettings::discover, boolean(),
                "Whether the gateway finds the key set by OpenID Connect Discovery at the `issuer`, which "
                "must be a URL.")
      .optional("ca", &KeySettings::ca, file_path("/etc/portcullis/issuer-ca.pem"),
                "A PEM file of the authorities that may have issued the server's certificate.")
      .default_in_words("the system's")
      .optional("refresh", &KeySettings::refresh, duration(),
                "Time after which the keys are fetched, or the file is read, again.")
      .default_in_words("10m, 10s for a file")
      .optional("cooldown", &KeySettings::cooldown, duration(),
                "Min time between two fetches that tokens cause: a token with an unknown key, or with a "
                "wrong signature, makes the gateway fetch the key set again.")
      .optional("stale", &KeySettings::stale, duration(),
                "How long the keys are still used when they cannot be fetched again.")
      .optional("timeout", &KeySettings::timeout, time_limit(),
                "Max time for a fetch of the key set, and max time that a request waits for a fetch.");
  return type;
}

int ways(const JwtSettings& settings) {
  return !settings.jwks.file.empty() + !settings.jwks.inline_text.empty() + !settings.jwks.url.empty() +
         settings.jwks.discover + !settings.secret.empty() + !settings.public_key.empty();
}

}  // namespace

std::shared_ptr<ObjectType<JwtSettings>> jwt_type() {
  auto type = std::make_shared<ObjectType<JwtSettings>>(
      "jwt",
      "Finds the consumer by a signed JSON Web Token. An invalid token gets 401, a token that does not meet "
      "`require` gets 403. The policy follows RFC 7515, 7517 to 7519, 8037, 8725 and, in its challenges, "
      "6750.");
  type->optional("issuer", &JwtSettings::issuer,
                 non_empty(one_or_list_of<std::string>(text("https://login.example.com/"))),
                 "The `iss` that tokens must have; with a list, one of its elements.")
      .default_in_words("any")
      .optional("jwks", &JwtSettings::jwks, keys_type(), "The place of the issuer's keys.")
      .default_in_words("none")
      .optional("secret", &JwtSettings::secret, secret(text("'${JWT_SECRET}'")),
                "In place of `jwks`: a shared secret for HS256, HS384 and HS512. It is best a `${VARIABLE}` "
                "or `${file:...}`.")
      .optional("public_key", &JwtSettings::public_key, text("'${file:/etc/portcullis/issuer.pem}'"),
                "In place of `jwks`: one public key or certificate in PEM, best by `${file:...}`.")
      .optional("audience", &JwtSettings::audience, one_or_list_of<std::string>(text("orders")),
                "Names of this API, one of which `aud` of the token must contain. Without this setting, "
                "tokens with an `aud` are refused; with `\"*\"`, tokens for any audience are accepted.")
      .optional(
          "algorithms", &JwtSettings::algorithms,
          non_empty(one_or_list_of<std::string>(checked_text("an algorithm", "", "ES256", check_algorithm))),
          "The algorithms that are accepted: RS, PS, ES and HS with 256, 384 or 512, and EdDSA. A key is "
          "used for the algorithms of its kind, or only for the one that its `alg` names.")
      .default_in_words("all for which there is a key")
      .optional("type", &JwtSettings::type, text("at+jwt"),
                "The `typ` that the header of the token must have, such as `at+jwt` (RFC 9068).")
      .default_in_words("any")
      .optional("leeway", &JwtSettings::leeway, duration(),
                "Max difference between the clocks of the issuer and of the gateway, for `exp` and `nbf`.")
      .optional(
          "expiry", &JwtSettings::expiry, choice<Expiry>(),
          "Whether tokens without `exp` are accepted: `required` refuses them, `optional` accepts them.")
      .optional("cache", &JwtSettings::cache, integer(0, 10'000'000),
                "Max number of verified tokens that each worker remembers. A token is forgotten at its "
                "`exp`, and when the keys change.");
  add_claims_fields(*type);
  add_place_fields(*type, "token");
  add_authentication_fields(*type);
  return type;
}

void check_jwt(const JwtSettings& settings, const PolicyUse& use, const Config& config,
               Diagnostics& diagnostics) {
  check_authentication(settings, config, diagnostics);
  const Location& place = settings.jwks.location.line_read != 0 ? settings.jwks.location : use.location;
  const int given = ways(settings);
  if (given != 1) {
    return diagnostics.error(
        place, given == 0 ? "`jwt` needs keys: add one of `jwks`, `secret` and `public_key`"
                          : "`jwt` needs exactly one source of keys: `jwks` with one of `file`, "
                            "`inline`, `url` and `discover`, or `secret`, or `public_key`");
  }
  if (settings.jwks.discover && (settings.issuer.size() != 1 || !check_url(settings.issuer[0]).empty()))
    return diagnostics.error(place, "`discover` needs one `issuer`, which is a URL");
  const auto configured = configured_keys(settings);
  if (configured && !*configured) diagnostics.error(place, configured->error().message);
  if (configured) return;
  const identity::KeyPlace kept = key_place(settings, use.location);
  if (kept.kind == identity::KeyPlace::Kind::kFile) {
    const auto read = identity::read_key_file(kept.place);
    const auto keys = read ? crypto::parse_jwks(*read, nullptr) : read.error();
    if (!keys) diagnostics.error(place, keys.error().message);
  } else if (kept.place.starts_with("http://") && !kept.place.starts_with("http://127.0.0.1") &&
             !kept.place.starts_with("http://localhost")) {
    diagnostics.warning(
        place, "the key set is fetched without TLS, so others can replace it on its way: use https://");
  }
}

identity::TokenRules token_rules(const JwtSettings& settings) {
  identity::TokenRules rules;
  const std::vector<std::string> all(crypto::algorithm_names().begin(), crypto::algorithm_names().end());
  for (const std::string& name : settings.algorithms.empty() ? all : settings.algorithms)
    rules.algorithms.push_back(*crypto::algorithm_by_name(name));
  rules.issuers = settings.issuer;
  rules.audiences = settings.audience;
  rules.any_audience =
      std::find(settings.audience.begin(), settings.audience.end(), "*") != settings.audience.end();
  rules.type = settings.type;
  rules.needs_expiry = settings.expiry == Expiry::kRequired;
  rules.leeway = std::chrono::ceil<std::chrono::seconds>(settings.leeway);
  return rules;
}

std::optional<Result<std::vector<crypto::NamedVerifier>>> configured_keys(const JwtSettings& settings) {
  if (!settings.jwks.inline_text.empty()) return crypto::parse_jwks(settings.jwks.inline_text, nullptr);
  if (settings.secret.empty() && settings.public_key.empty()) return std::nullopt;
  const Result<crypto::Key> key = settings.secret.empty() ? crypto::Key::from_pem(settings.public_key)
                                                          : crypto::Key::from_secret(settings.secret);
  if (!key) return key.error();
  std::vector<crypto::NamedVerifier> out;
  Error fault{"no accepted algorithm can use the key"};
  for (const crypto::Algorithm algorithm : key->algorithms()) {
    auto verifier = crypto::Verifier::make(*key, algorithm);
    if (verifier) {
      out.push_back({"", std::move(*verifier)});
    } else {
      fault = verifier.error();
      // The first algorithm has the fewest requirements, so the others would fail too.
      if (out.empty()) break;
    }
  }
  if (out.empty()) return fault;
  return out;
}

identity::KeyPlace key_place(const JwtSettings& settings, const Location& from) {
  using Way = identity::KeyPlace::Kind;
  identity::KeyPlace place;
  const KeySettings& told = settings.jwks;
  place.kind = !told.file.empty() ? Way::kFile : told.discover ? Way::kDiscovery : Way::kUrl;
  if (place.kind == Way::kFile) place.place = from.beside(told.file);
  if (place.kind == Way::kDiscovery) place.place = settings.issuer.front();
  if (place.kind == Way::kUrl) place.place = told.url;
  place.ca_file = from.beside(told.ca);
  place.refresh = told.refresh.count() != 0  ? told.refresh
                  : place.kind == Way::kFile ? Milliseconds(10'000)
                                             : place.refresh;
  place.cooldown = told.cooldown;
  place.stale = told.stale;
  place.timeout = told.timeout;
  return place;
}

}  // namespace portcullis::policy::jwt

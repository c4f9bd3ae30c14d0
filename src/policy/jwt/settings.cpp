#include "policy/jwt/settings.h"

#include "base/text.h"
#include "config/field_types.h"
#include "config/value_types.h"

namespace portcullis::policy::jwt {
namespace {

using namespace config;

std::string check_algorithm(const std::string& text) {
  if (crypto::algorithm_by_name(text)) return "";
  if (equals_ignoring_case(text, "none"))
    return "`none` is no algorithm: it would accept tokens that no one has signed";
  return "`" + text + "` is not an algorithm" + suggestion_for(text, crypto::algorithm_names());
}

Type<KeySettings> keys_type() {
  auto type = std::make_shared<ObjectType<KeySettings>>(
      "jwks", "Where the issuer's JSON Web Key Set is; one of the ways.");
  type->locate(&KeySettings::location)
      .optional("file", &KeySettings::file, text("/etc/portcullis/keys.json"),
                "A file, which is looked at again each `refresh` (10s): keys may change without a reload. A "
                "relative path begins at the configuration's folder.")
      .optional("inline", &KeySettings::inline_text, text("'${file:/etc/portcullis/keys.json}'"),
                "The set itself, as JSON text.")
      .optional("url", &KeySettings::url, url_type(), "Where it is fetched, and again each `refresh` (10m).")
      .optional("discover", &KeySettings::discover, boolean(),
                "Whether to find it by OpenID Connect Discovery at the `issuer`, which is then a URL.")
      .optional("ca", &KeySettings::ca, text("/etc/portcullis/issuer-ca.pem"),
                "PEM file of the authorities that the server's certificate may come from.")
      .default_in_words("the system's")
      .optional("refresh", &KeySettings::refresh, duration(),
                "How long keys are used before they are looked at again.")
      .default_in_words("10m, 10s for a file")
      .optional("cooldown", &KeySettings::cooldown, duration(),
                "A token of an unknown key, or with a signature that fails, makes the set be fetched anew, "
                "once in this time.")
      .optional("stale", &KeySettings::stale, duration(),
                "How long the keys go on being used when they cannot be fetched again.")
      .optional("timeout", &KeySettings::timeout, time_limit(),
                "How long a fetch may take, and a request waits for one.");
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
      "Tells who calls by a signed JSON Web Token: 401 for one that is not good, 403 for one that does not "
      "satisfy `require`. Follows RFC 7515, 7517 to 7519, 8037, 8725 and, in its challenges, 6750.");
  type->optional("issuer", &JwtSettings::issuer,
                 non_empty(one_or_list_of<std::string>(text("https://login.example.com/"))),
                 "The `iss` that tokens must have: one of these.")
      .default_in_words("any")
      .optional("jwks", &JwtSettings::jwks, keys_type(), "Where the issuer's keys are.")
      .default_in_words("none")
      .optional("secret", &JwtSettings::secret, text("'${JWT_SECRET}'"),
                "In place of `jwks`: a shared secret for HS256, HS384 and HS512, best `${VARIABLE}`.")
      .optional("public_key", &JwtSettings::public_key, text("'${file:/etc/portcullis/issuer.pem}'"),
                "In place of `jwks`: one public key or certificate in PEM, best `${file:...}`.")
      .optional("audience", &JwtSettings::audience, one_or_list_of<std::string>(text("orders")),
                "Names of this API, one of which `aud` must hold. Without any, tokens for an audience are "
                "refused; `\"*\"` takes those for any audience.")
      .optional(
          "algorithms", &JwtSettings::algorithms,
          non_empty(one_or_list_of<std::string>(checked_text("an algorithm", "", "ES256", check_algorithm))),
          "The algorithms admitted: RS, PS, ES and HS with 256, 384 or 512, EdDSA. A key serves those of "
          "its kind, or the one that its `alg` names.")
      .default_in_words("all that the keys serve")
      .optional("type", &JwtSettings::type, text("at+jwt"),
                "The `typ` that the header must have, such as `at+jwt` (RFC 9068).")
      .default_in_words("any")
      .optional("leeway", &JwtSettings::leeway, duration(),
                "How far the issuer's clock may be off, for `exp` and `nbf`.")
      .optional("expiry", &JwtSettings::expiry, choice<Expiry>(), "Whether tokens without `exp` are taken.")
      .optional("cache", &JwtSettings::cache, integer(0, 10'000'000),
                "How many verified tokens each worker remembers, none beyond its `exp` or a change of keys.");
  add_claims_fields(*type);
  add_place_fields(*type, "token");
  add_authentication_fields(*type);
  return type;
}

void check_jwt(const JwtSettings& settings, const PolicyUse& use, const Config& config,
               Diagnostics& diagnostics) {
  check_authentication(settings, config, diagnostics);
  const Location& place = settings.jwks.location.line != 0 ? settings.jwks.location : use.location;
  const int given = ways(settings);
  if (given != 1) {
    return diagnostics.error(place, given == 0
                                        ? "jwt needs keys: one of `jwks`, `secret` and `public_key`"
                                        : "jwt takes its keys in one way: `jwks` with one of `file`, "
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
    diagnostics.warning(place, "keys that come without TLS can be exchanged on their way: use https://");
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
  Error fault{"no algorithm suits the key"};
  for (const crypto::Algorithm algorithm : key->algorithms()) {
    auto verifier = crypto::Verifier::make(*key, algorithm);
    if (verifier) {
      out.push_back({"", std::move(*verifier)});
    } else {
      fault = verifier.error();
      if (out.empty()) break;  // the first is the one with the least demands
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

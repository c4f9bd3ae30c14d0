#include "identity/jwt.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "crypto/encoding.h"

namespace portcullis::identity {
namespace {

using crypto::Algorithm;
using crypto::Base64;

const std::string kSecret = "0123456789abcdef0123456789abcdef";
const auto kNow = std::chrono::system_clock::time_point(std::chrono::seconds(1'300'819'379));

std::string encode(const std::string& text) {
  return crypto::base64_encode(text, Base64::kUrl);
}

std::string sign(const std::string& header, const std::string& payload) {
  const std::string message = encode(header) + "." + encode(payload);
  unsigned char mac[32];
  unsigned size = 0;
  HMAC(EVP_sha256(), kSecret.data(), static_cast<int>(kSecret.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(), mac, &size);
  return message + "." + encode(std::string(reinterpret_cast<char*>(mac), size));
}

KeySet secret_keys(const std::string& kid = "") {
  const crypto::Key key = crypto::Key::from_secret(kSecret);
  return {{{kid, *crypto::Verifier::make(key, Algorithm::kHs256)}}};
}

TokenRules rules() {
  TokenRules out;
  out.algorithms = {Algorithm::kHs256, Algorithm::kRs256, Algorithm::kEs256};
  out.leeway = std::chrono::seconds(0);
  out.needs_expiry = false;
  return out;
}

TokenFault judge(const std::string& payload, const TokenRules& by = rules(),
                 const std::string& header = R"({"alg":"HS256"})") {
  return verify_token(sign(header, payload), secret_keys(), by, kNow).fault;
}

TEST(JwtTest, TheTokenOfRfc7519IsGoodUntilItExpires) {
  const auto keys = crypto::parse_jwks(
      R"({"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"})",
      nullptr);
  ASSERT_TRUE(keys);
  const KeySet set{*keys};
  const std::string token =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
      "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  TokenRules by = rules();
  by.issuers = {"joe"};
  by.type = "jwt";
  const VerifiedToken good = verify_token(token, set, by, kNow);
  ASSERT_EQ(good.fault, TokenFault::kNone);
  EXPECT_EQ(good.claims->text_of("http://example.com/is_root"), "true");
  EXPECT_EQ(good.good_until.time_since_epoch().count(), 1'300'819'380);
  EXPECT_EQ(verify_token(token, set, by, kNow + std::chrono::seconds(1)).fault, TokenFault::kExpired);
  by.leeway = std::chrono::seconds(10);
  EXPECT_EQ(verify_token(token, set, by, kNow + std::chrono::seconds(10)).fault, TokenFault::kNone);
  EXPECT_EQ(verify_token(token, set, by, kNow + std::chrono::seconds(11)).fault, TokenFault::kExpired);
}

TEST(JwtTest, UnsecuredTokensAreRefused) {
  for (const char* header :
       {R"({"alg":"none"})", R"({"alg":"NONE"})", R"({"alg":"nOnE"})", R"({"alg":""})"}) {
    EXPECT_EQ(judge("{}", rules(), header), TokenFault::kAlgorithm) << header;
    EXPECT_NE(verify_token(encode(header) + "." + encode("{}") + ".", secret_keys(), rules(), kNow).fault,
              TokenFault::kNone);
  }
}

TEST(JwtTest, TheKeyDecidesWhichAlgorithmMayVerify) {
  // A token "signed" by HMAC with the public key as its secret (RFC 8725 section 2.1).
  const std::string pem =
      "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
      "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n-----END PUBLIC KEY-----\n";
  const auto key = crypto::Key::from_pem(pem);
  ASSERT_TRUE(key);
  KeySet set;
  for (const Algorithm one : key->algorithms()) set.keys.push_back({"", *crypto::Verifier::make(*key, one)});
  ASSERT_EQ(set.keys.size(), 1u);
  const std::string message = encode(R"({"alg":"HS256"})") + "." + encode("{}");
  unsigned char mac[32];
  unsigned size = 0;
  HMAC(EVP_sha256(), pem.data(), static_cast<int>(pem.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(), mac, &size);
  const std::string token = message + "." + encode(std::string(reinterpret_cast<char*>(mac), size));
  EXPECT_EQ(verify_token(token, set, rules(), kNow).fault, TokenFault::kUnknownKey);
}

TEST(JwtTest, OnlyAdmittedAlgorithmsAreTaken) {
  TokenRules by = rules();
  by.algorithms = {Algorithm::kEs256};
  EXPECT_EQ(judge("{}", by), TokenFault::kAlgorithm);
  EXPECT_EQ(judge("{}", rules(), R"({"alg":"HS257"})"), TokenFault::kAlgorithm);
  EXPECT_EQ(judge("{}", rules(), R"({"alg":"hs256"})"), TokenFault::kAlgorithm);
  EXPECT_EQ(judge("{}", rules(), R"({"alg":["HS256"]})"), TokenFault::kMalformed);
  EXPECT_EQ(judge("{}", rules(), R"({"alg":256})"), TokenFault::kMalformed);
  EXPECT_EQ(judge("{}", rules(), R"({"typ":"JWT"})"), TokenFault::kMalformed);
}

TEST(JwtTest, MalformedTokensAreRefused) {
  const std::string good = sign(R"({"alg":"HS256"})", "{}");
  ASSERT_EQ(verify_token(good, secret_keys(), rules(), kNow).fault, TokenFault::kNone);
  const size_t first = good.find('.'), last = good.rfind('.');
  for (const std::string& bad :
       {std::string(), std::string("."), std::string(".."), std::string("..."), std::string("a.b"),
        good + ".", good + "..", "." + good, good + "=", good + " ", good.substr(0, last), good.substr(first),
        good.substr(0, first) + "\n" + good.substr(first), std::string("\0.\0.\0", 5),
        good.substr(0, last) + ".!"})
    EXPECT_EQ(verify_token(bad, secret_keys(), rules(), kNow).fault, TokenFault::kMalformed) << bad;
  EXPECT_EQ(verify_token(std::string(20'000, 'a'), secret_keys(), rules(), kNow).fault, TokenFault::kTooLong);
  for (const char* payload : {"", "[]", "5", "\"text\"", "null", "{", "{}}", R"({"a":1,"a":1})", "\xff\xfe"})
    EXPECT_EQ(judge(payload), TokenFault::kMalformed) << payload;
  EXPECT_EQ(judge("{}", rules(), R"({"alg":"HS256","alg":"HS256"})"), TokenFault::kMalformed);
  EXPECT_EQ(judge("{}", rules(), R"({"alg":"HS256","kid":5})"), TokenFault::kMalformed);
  std::string nested = "1";
  for (int i = 0; i < 200; ++i) nested = R"({"a":)" + nested + "}";
  EXPECT_EQ(judge(nested), TokenFault::kMalformed);
}

TEST(JwtTest, ExtensionsThatMustBeUnderstoodAreRefused) {
  EXPECT_EQ(judge("{}", rules(), R"({"alg":"HS256","crit":["exp"],"exp":1})"), TokenFault::kCritical);
  EXPECT_EQ(judge("{}", rules(), R"({"alg":"HS256","crit":[]})"), TokenFault::kCritical);
  EXPECT_EQ(judge("{}", rules(), R"({"alg":"HS256","crit":["b64"],"b64":false})"), TokenFault::kCritical);
}

TEST(JwtTest, KeysOfferedByTheTokenItselfAreIgnored) {
  EXPECT_EQ(judge("{}", rules(),
                  R"({"alg":"HS256","jku":"http://evil/","jwk":{"kty":"oct","k":"AAAA"},"x5u":"x"})"),
            TokenFault::kNone);
}

TEST(JwtTest, TheKidNamesTheKey) {
  const std::string token = sign(R"({"alg":"HS256","kid":"a"})", "{}");
  EXPECT_EQ(verify_token(token, secret_keys("a"), rules(), kNow).fault, TokenFault::kNone);
  EXPECT_EQ(verify_token(token, secret_keys(), rules(), kNow).fault, TokenFault::kNone);
  EXPECT_EQ(verify_token(token, secret_keys("b"), rules(), kNow).fault, TokenFault::kUnknownKey);
  EXPECT_EQ(verify_token(sign(R"({"alg":"HS256"})", "{}"), secret_keys("b"), rules(), kNow).fault,
            TokenFault::kNone);
}

TEST(JwtTest, TheTypeIsComparedAsAMediaType) {
  TokenRules by = rules();
  by.type = "at+jwt";
  EXPECT_EQ(judge("{}", by, R"({"alg":"HS256","typ":"at+jwt"})"), TokenFault::kNone);
  EXPECT_EQ(judge("{}", by, R"({"alg":"HS256","typ":"application/AT+JWT"})"), TokenFault::kNone);
  EXPECT_EQ(judge("{}", by, R"({"alg":"HS256","typ":"JWT"})"), TokenFault::kType);
  EXPECT_EQ(judge("{}", by), TokenFault::kType);
}

TEST(JwtTest, TimesAreJudged) {
  const auto exp = [](const std::string& value) { return judge(R"({"exp":)" + value + "}"); };
  EXPECT_EQ(exp("1300819380"), TokenFault::kNone);
  EXPECT_EQ(exp("1300819379"), TokenFault::kExpired);
  EXPECT_EQ(exp("1300819379.5"), TokenFault::kNone);
  EXPECT_EQ(exp("1.30081938e9"), TokenFault::kNone);
  EXPECT_EQ(exp("-1"), TokenFault::kExpired);
  EXPECT_EQ(exp("9999999999999999999"), TokenFault::kNone);
  for (const char* bad : {"\"1300819380\"", "null", "true", "[1300819380]"})
    EXPECT_EQ(exp(bad), TokenFault::kMalformed) << bad;
  EXPECT_EQ(judge(R"({"nbf":1300819379})"), TokenFault::kNone);
  EXPECT_EQ(judge(R"({"nbf":1300819380})"), TokenFault::kNotYetValid);
  EXPECT_EQ(judge(R"({"nbf":"soon"})"), TokenFault::kMalformed);
  EXPECT_EQ(judge(R"({"iat":"then"})"), TokenFault::kMalformed);
  TokenRules strict = rules();
  strict.needs_expiry = true;
  EXPECT_EQ(judge("{}", strict), TokenFault::kNoExpiry);
}

TEST(JwtTest, IssuerAndAudienceMustBeOnesAskedFor) {
  TokenRules by = rules();
  EXPECT_EQ(judge(R"({"aud":"others"})", by), TokenFault::kAudience);  // RFC 7519 section 4.1.3
  EXPECT_EQ(judge(R"({"aud":[]})", by), TokenFault::kAudience);
  by.issuers = {"one", "two"};
  by.audiences = {"orders", "shop"};
  EXPECT_EQ(judge(R"({"iss":"two","aud":"shop"})", by), TokenFault::kNone);
  EXPECT_EQ(judge(R"({"iss":"two","aud":["x","orders"]})", by), TokenFault::kNone);
  EXPECT_EQ(judge(R"({"iss":"three","aud":"shop"})", by), TokenFault::kIssuer);
  EXPECT_EQ(judge(R"({"aud":"shop"})", by), TokenFault::kIssuer);
  EXPECT_EQ(judge(R"({"iss":["one"],"aud":"shop"})", by), TokenFault::kMalformed);
  EXPECT_EQ(judge(R"({"iss":"one","aud":5})", by), TokenFault::kMalformed);
  EXPECT_EQ(judge(R"({"iss":"one","aud":"Shop"})", by), TokenFault::kAudience);
  EXPECT_EQ(judge(R"({"iss":"one"})", by), TokenFault::kAudience);
  by.any_audience = true;
  EXPECT_EQ(judge(R"({"iss":"one","aud":"anybody"})", by), TokenFault::kNone);
}

TEST(ClaimsTest, ScopesAndInnerClaimsAreFound) {
  const auto claims = Claims::parse(
      R"({"scope":"read write","scp":["admin"],"n":12.5,"deep":{"roles":["a","b"],"flag":true},"text":"\u00e9"})");
  ASSERT_TRUE(claims);
  for (const char* scope : {"read", "write", "admin"}) EXPECT_TRUE(claims->has_scope(scope)) << scope;
  for (const char* scope : {"", "rea", "read write", "wri", "roles"})
    EXPECT_FALSE(claims->has_scope(scope)) << scope;
  EXPECT_TRUE(claims->has("deep.roles", "b"));
  EXPECT_EQ(claims->text_of("deep.flag"), "true");
  EXPECT_EQ(claims->text_of("n"), "12.5");
  EXPECT_EQ(claims->text_of("text"), "é");
  EXPECT_EQ(claims->find("deep"), nullptr);
  EXPECT_TRUE(claims->has_member("deep"));
}

}  // namespace
}  // namespace portcullis::identity

// Signatures and key sets, with the test vectors of the RFCs.
#include <gtest/gtest.h>

#include "crypto/encoding.h"
#include "crypto/jwk.h"

namespace portcullis::crypto {
namespace {

struct Vector {
  const char* name;
  const char* jwk;
  const char* message;  // header.payload
  const char* signature;
};

// The payload of RFC 7520 section 4.
#define PAYLOAD_7520                                               \
  "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IH" \
  "lvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBk" \
  "b24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcm" \
  "UgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4"
#define RSA_7520                                                             \
  R"({"kty":"RSA","kid":"bilbo.baggins@hobbiton.example","use":"sig","n":")" \
  "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT"                   \
  "-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqV"                 \
  "wGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-"                 \
  "oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde"                 \
  "3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuC"                 \
  "LqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5g"                 \
  R"(HdrNP5zw","e":"AQAB"})"

const Vector kVectors[] = {
    {"RFC 7515 A.1 HS256",
     R"({"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"})",
     "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
     "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
     "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
     "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
    {"RFC 7515 A.3 ES256",
     R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
     R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})",
     "eyJhbGciOiJFUzI1NiJ9."
     "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
     "cnVlfQ",
     "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"},
    {"RFC 7520 4.1 RS256", RSA_7520,
     "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9." PAYLOAD_7520,
     "MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmK"
     "ZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4J"
     "IwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8w"
     "W1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluP"
     "xUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_f"
     "cIe8u9ipH84ogoree7vjbU5y18kDquDg"},
    {"RFC 7520 4.2 PS384", RSA_7520,
     "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9." PAYLOAD_7520,
     "cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2I"
     "pN6-tPid6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXU"
     "vdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRX"
     "e8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT"
     "0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a"
     "6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw"},
    {"RFC 7520 4.3 ES512",
     R"({"kty":"EC","kid":"bilbo.baggins@hobbiton.example","use":"sig","crv":"P-521","x":")"
     "AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt"
     R"(","y":")"
     "AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1\"}",
     "eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9." PAYLOAD_7520,
     "AE_R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-JZGYNlaAjP2kqaluUIIUnC9qvb"
     "u9Plon7KRTzoNEuT4Va2cmL1eJAQy3mtPBu_u_sDDyYjnAMDxXPn7XrT0lw-kv"
     "AD890jl8e2puQens_IEKBpHABlsbEPX6sFY8OcGDqoRuBomu9xQ2"},
    {"RFC 7520 4.4 HS256",
     R"({"kty":"oct","kid":"018c0ae5-4d9b-471b-bfd6-eef314bc7037","use":"sig","alg":"HS256",)"
     R"("k":"hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg"})",
     "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9." PAYLOAD_7520,
     "s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0"},
    {"RFC 8037 A.4 EdDSA",
     R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})",
     "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
     "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"},
};

// The number of the key's verifiers that accept the signature.
int accepting(const Vector& vector, const std::string& message, const std::string& signature) {
  const auto keys = parse_jwks(vector.jwk, nullptr);
  if (!keys) return -1;
  int accepted = 0;
  for (const NamedVerifier& key : *keys) accepted += key.verifier.verify(message, signature);
  return accepted;
}

TEST(SignatureTest, TheVectorsOfTheRfcsAreAccepted) {
  for (const Vector& vector : kVectors) {
    const auto signature = base64_decode(vector.signature, Base64::kUrl);
    ASSERT_TRUE(signature) << vector.name;
    // Only one algorithm accepts, although an RSA key can be used with six.
    EXPECT_EQ(accepting(vector, vector.message, *signature), 1) << vector.name;
  }
}

TEST(SignatureTest, EveryChangedBitIsSeen) {
  for (const Vector& vector : kVectors) {
    const std::string signature = *base64_decode(vector.signature, Base64::kUrl);
    for (size_t i = 0; i < signature.size(); ++i) {
      std::string wrong = signature;
      wrong[i] = static_cast<char>(wrong[i] ^ (1 << (i % 8)));
      EXPECT_EQ(accepting(vector, vector.message, wrong), 0) << vector.name << " byte " << i;
    }
    std::string message = vector.message;
    message[message.size() / 2] ^= 1;
    EXPECT_EQ(accepting(vector, message, signature), 0) << vector.name;
    for (const std::string& wrong :
         {std::string(), signature.substr(1), signature.substr(0, signature.size() - 1), signature + '\0',
          std::string(signature.size(), '\0'), std::string(signature.size(), '\xff')})
      EXPECT_EQ(accepting(vector, vector.message, wrong), 0) << vector.name << " of " << wrong.size();
  }
}

TEST(SignatureTest, WeakKeysAreRefused) {
  const auto fault_of = [](const std::string& jwk) {
    const auto keys = parse_jwks(jwk, nullptr);
    return keys ? std::string() : keys.error().message;
  };
  EXPECT_NE(fault_of(R"({"kty":"oct","k":"c2hvcnQ"})").find("at least 32 bytes"), std::string::npos);
  // A key of 1024 bits.
  const std::string modulus = base64_encode('\xc1' + std::string(126, 'x') + '\x01', Base64::kUrl);
  EXPECT_NE(fault_of(R"({"kty":"RSA","e":"AQAB","n":")" + modulus + "\"}").find("too weak"),
            std::string::npos);
  // A point that is not on the curve.
  const std::string zero = base64_encode(std::string(32, '\x01'), Base64::kUrl);
  EXPECT_NE(fault_of(R"({"kty":"EC","crv":"P-256","x":")" + zero + R"(","y":")" + zero + "\"}").find("curve"),
            std::string::npos);
  EXPECT_NE(fault_of(R"({"kty":"OKP","crv":"Ed25519","x":"AAAA"})"), "");
}

TEST(SignatureTest, AKeyServesWhatItsJwkSays) {
  const auto count = [](const std::string& jwk) {
    const auto keys = parse_jwks(jwk, nullptr);
    return keys ? keys->size() : 0;
  };
  const std::string rsa = RSA_7520;
  const auto with = [&](const std::string& members) { return rsa.substr(0, rsa.size() - 1) + members + "}"; };
  EXPECT_EQ(count(rsa), 6u);
  EXPECT_EQ(count(with(R"(,"alg":"PS256")")), 1u);
  EXPECT_EQ(count(with(R"(,"alg":"RSA-OAEP")")), 0u);  // for encryption
  EXPECT_EQ(count(with(R"(,"alg":"none")")), 0u);
  EXPECT_EQ(count(with(R"(,"alg":"HS256")")), 0u);  // an algorithm of another key type
  EXPECT_EQ(count(with(R"(,"key_ops":["sign"])")), 0u);
  EXPECT_EQ(count(with(R"(,"key_ops":["verify"])")), 6u);
  EXPECT_EQ(count(R"({"kty":"RSA","use":"enc","e":"AQAB","n":"AQAB"})"), 0u);
  EXPECT_EQ(count(R"({"keys":[{"kty":"new"},5,)" + rsa + "]}"), 6u);  // other keys are skipped
  for (const char* garbage : {"", "{}", "[]", "{\"keys\":{}}", "{\"keys\":[]}", "<html>", "{\"keys\":[{}]}"})
    EXPECT_EQ(count(garbage), 0u) << garbage;
}

TEST(SignatureTest, PrivateKeysAreRefused) {
  const auto key =
      Key::from_pem("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n-----END PRIVATE KEY-----\n");
  ASSERT_FALSE(key);
  EXPECT_NE(key.error().message.find("private"), std::string::npos);
}

TEST(EncodingTest, Base64IsStrict) {
  EXPECT_EQ(base64_decode("_-8", Base64::kUrl), "\xff\xef");
  for (const char* bad : {"_-8=", "_-9", "_ -8", "_-8\n", "+/8", "A", "_-8."})  // _-9 has nonzero unused bits
    EXPECT_FALSE(base64_decode(bad, Base64::kUrl)) << bad;
  EXPECT_EQ(base64_decode("/+8=", Base64::kStandard), "\xff\xef");
  EXPECT_FALSE(base64_decode("/+8", Base64::kStandard));
}

}  // namespace
}  // namespace portcullis::crypto

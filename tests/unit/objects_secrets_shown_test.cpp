#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/revisions/secrets_shown.h"

namespace portcullis::control {
namespace {

using nlohmann::json;
using Places = std::vector<std::string>;

json keys(std::initializer_list<std::pair<const char*, const char*>> all) {
  json out = json::array();
  for (const auto& [id, secret] : all) out.push_back({{"id", id}, {"secret", secret}});
  return out;
}

TEST(SecretsShown, StarsStandForASecret) {
  EXPECT_EQ(hide_secrets({{"secret", "abc"}, {"open", "abc"}}, {"/secret"}),
            json({{"secret", "***"}, {"open", "abc"}}));
}

TEST(SecretsShown, OnlyTheCredentialsOfAUrlAreHidden) {
  EXPECT_EQ(hidden_text("https://ada:a@b@host/path?x=@"), "https://***@host/path?x=@");
  EXPECT_EQ(hidden_text("https://ada:a/b@host/"), "***");
  EXPECT_EQ(hidden_text("ftp://ada:ab@host/"), "***");
}

TEST(SecretsShown, ASecretThatIsANumberIsHiddenAndGivenBack) {
  const json stored{{"secret", 12345}};
  json sent = hide_secrets(stored, {"/secret"});
  EXPECT_EQ(sent, json({{"secret", "***"}}));
  EXPECT_EQ(restore_secrets(sent, stored, {"/secret"}).secrets, Places{"/secret"});
  EXPECT_EQ(sent, stored);
}

TEST(RestoreSecrets, ElementsInAnotherOrderGetTheirOwnSecrets) {
  json sent = keys({{"two", "***"}, {"one", "***"}});
  const auto restored = restore_secrets(sent, keys({{"one", "a"}, {"two", "b"}}), {"/0/secret", "/1/secret"});
  EXPECT_EQ(sent, keys({{"two", "b"}, {"one", "a"}}));
  EXPECT_EQ(restored.missing, std::nullopt);
  EXPECT_EQ(restored.secrets, (Places{"/0/secret", "/1/secret"}));
}

TEST(RestoreSecrets, AnElementWithANewNameGetsNone) {
  json sent = keys({{"one", "***"}, {"three", "***"}});
  EXPECT_EQ(restore_secrets(sent, keys({{"one", "a"}, {"two", "b"}}), {"/0/secret", "/1/secret"}).missing,
            "/1/secret");
}

TEST(RestoreSecrets, AnElementThatHasChangedIsFoundByItsName) {
  json sent = json::array({{{"id", "one"}, {"algorithm", "other"}, {"secret", "***"}}});
  const auto restored = restore_secrets(sent, keys({{"two", "b"}, {"one", "a"}}), {"/0/secret", "/1/secret"});
  EXPECT_EQ(restored.missing, std::nullopt);
  EXPECT_EQ(sent[0]["secret"], "a");
}

TEST(RestoreSecrets, ElementsThatLookTheSameGetNoneWhenOneIsGone) {
  json sent = json::array({{{"secret", "***"}}});
  const json stored = json::array({{{"secret", "a"}}, {{"secret", "b"}}});
  EXPECT_EQ(restore_secrets(sent, stored, {"/0/secret", "/1/secret"}).missing, "/0/secret");
  json both = json::array({{{"secret", "***"}}, {{"secret", "***"}}});
  EXPECT_EQ(restore_secrets(both, stored, {"/0/secret", "/1/secret"}).missing, std::nullopt);
  EXPECT_EQ(both, stored);
}

TEST(RestoreSecrets, ElementsThatLookTheSameGetNoneWhenOneIsAdded) {
  json sent = json::array({{{"secret", "***"}}, {{"secret", "***"}}, {{"secret", "***"}}});
  const json stored = json::array({{{"secret", "a"}}, {{"secret", "b"}}});
  EXPECT_EQ(restore_secrets(sent, stored, {"/0/secret", "/1/secret"}).missing, "/0/secret");
}

TEST(RestoreSecrets, AnElementWithoutSecretsDoesNotStandInTheWay) {
  const json open{{"headers", {{"set", {{"x-a", "1"}}}}}};
  const json secret{{"headers", {{"set", {{"authorization", "s"}}}}}};
  json changed{{"headers", {{"set", {{"authorization", "***"}, {"x-b", "2"}}}}}};
  json sent = json::array({open, changed});
  EXPECT_EQ(restore_secrets(sent, json::array({open, secret}), {"/1/headers/set/authorization"}).missing,
            std::nullopt);
  EXPECT_EQ(sent[1]["headers"]["set"]["authorization"], "s");
}

TEST(RestoreSecrets, ASecretIsGivenBackAtItsOwnPlaceAlone) {
  const json stored{{"secret", "a"}, {"open", "b"}};
  json sent{{"secret", "a"}, {"open", "***"}};
  EXPECT_EQ(restore_secrets(sent, stored, {"/secret"}).missing, "/open");
  json nested{{"secret", {{"secret", "***"}}}};
  EXPECT_EQ(restore_secrets(nested, stored, {"/secret"}).missing, "/secret/secret");
}

TEST(RestoreSecrets, CredentialsOfAUrlDoNotGoToAnotherHost) {
  const json stored{{"url", "https://ada:pw@good.example/"}};
  json sent{{"url", "https://***@bad.example/"}};
  EXPECT_EQ(restore_secrets(sent, stored, {"/url"}).missing, "/url");
  json same{{"url", "https://***@good.example/"}};
  EXPECT_EQ(restore_secrets(same, stored, {"/url"}).missing, std::nullopt);
  EXPECT_EQ(same, stored);
}

TEST(RestoreSecrets, StarsThatAreNoSecretStayWhereTheyAre) {
  const json stored{{"body", "***"}};
  json sent = stored;
  const auto restored = restore_secrets(sent, stored, {});
  EXPECT_EQ(restored.missing, std::nullopt);
  EXPECT_TRUE(restored.secrets.empty());
}

TEST(RestoreSecrets, PointersAreEscaped) {
  json sent{{"a/b~c", "***"}};
  EXPECT_EQ(restore_secrets(sent, json::object(), {}).missing, "/a~1b~0c");
}

}  // namespace
}  // namespace portcullis::control

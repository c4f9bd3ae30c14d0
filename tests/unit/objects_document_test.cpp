// Objects that are made of a configuration, and configurations that are made of objects.

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <random>

#include "base/canonical_json.h"
#include "config/json_document.h"
#include "config/loader.h"
#include "config/object_document.h"
#include "config/store.h"
#include "policy/registry.h"

namespace portcullis::config {
namespace {

using nlohmann::json;
using Strings = std::vector<std::string>;

const MayRefer kAll = [](std::string_view) { return true; };

// The errors, as "file:line: message".
Strings errors_of(const Diagnostics& diagnostics) {
  Strings out;
  for (const Diagnostic& one : diagnostics.sorted())
    if (one.severity == Severity::kError) out.push_back(one.to_string());
  return out;
}

ObjectDocument loaded(Reading& reading) {
  reading.wants_objects = true;
  const auto config = load(reading, policy::catalog());
  EXPECT_EQ(errors_of(reading.diagnostics), Strings{});
  return config ? std::move(reading.objects) : ObjectDocument();
}
ObjectDocument loaded(const std::string& text) {
  Reading reading = read_text(text, "gateway.yaml");
  return loaded(reading);
}
// The objects of the settings and files of `document`, and of `objects` of the API.
ObjectDocument loaded_with(const ObjectDocument& document, const std::vector<ObjectPointer>& objects) {
  Reading reading;
  std::vector<ObjectPointer> files;
  for (const ObjectPointer& one : document.objects)
    if (one->is_from_file()) files.push_back(one);
  reading.document = document_of(*document.settings, files);
  reading.diagnostics.allow_files(kAll);
  add_objects(*reading.document, objects, kAll, reading.diagnostics);
  return loaded(reading);
}
ObjectPointer sent(const char* kind, const std::string& name, const json& value) {
  const ObjectKind* const its = find_object_kind(kind);
  return std::make_shared<Object>(Object{.kind = its,
                                         .name = name,
                                         .json = *canonical_json(value),
                                         .secrets = {},
                                         .location = {FileName::unshared(title_of(*its, name)), 1, 0}});
}
Strings texts_of(const ObjectDocument& document) {
  Strings out;
  for (const ObjectPointer& one : document.objects) {
    out.push_back(title_of(*one->kind, one->name) + " " + one->json);
    for (const std::string& secret : one->secrets) out.back() += " " + secret;
  }
  return out;
}

constexpr const char* kStart = "version: 1\nlisteners: [{name: main, address: '127.0.0.1:1'}]\n";
json route(const std::string& body) {
  return {{"name", "r"},
          {"match", {{"path", "/"}}},
          {"policies", json::array({{{"respond", {{"status", 200}, {"body", body}}}}})}};
}

TEST(Objects, AnchorsAndMergeKeysAreWrittenOut) {
  const auto document = loaded(std::string(kStart) +
                               "x-base: &base {policies: [respond: {status: 200}]}\n"
                               "routes: [{name: r, match: {path: /}, <<: *base}]\n");
  EXPECT_EQ(texts_of(document).back(),
            R"(routes/r {"match":{"path":"/"},"name":"r","policies":[{"respond":{"status":200}}]})");
}

TEST(Objects, ANameAndALabelOfDigitsAreTexts) {
  const auto document = loaded(std::string(kStart) +
                               "routes: [{name: 7, match: {path: /}, policies: [respond: {status: 200}]}]\n");
  EXPECT_EQ(json::parse(document.objects.back()->json)["name"], "7");
  EXPECT_EQ(document.objects.back()->name, "7");
}

TEST(Objects, KindsThatAreNullHaveNoObjects) {
  const auto document = loaded(std::string(kStart) + "routes:\npolicies:\nplans: []\n");
  EXPECT_EQ(document.objects.size(), 1U);
  const auto more =
      loaded_with(document, {sent("policies", "", json::array()), sent("routes", "r", route("x"))});
  EXPECT_EQ(more.objects.size(), 3U);
}

TEST(Objects, ValuesOfVariablesThatLookLikeReferencesStayWhatTheyAre) {
  ASSERT_EQ(::setenv("OBJECTS_TEST", "${HOME} $${x}", 1), 0);
  const auto document = loaded(std::string(kStart) +
                               "routes: [{name: r, match: {path: /}, policies: [respond: {status: 200, body: "
                               "'${OBJECTS_TEST}'}]}]\n");
  const json object = json::parse(document.objects.back()->json);
  EXPECT_EQ(object["policies"][0]["respond"]["body"], "$${HOME} $$${x}");
}

TEST(Objects, SecretsAreFoundByWhatReadsThem) {
  const auto document = loaded(std::string(kStart) +
                               "consumers: [{name: a, credentials: {signing_keys: [{id: one, secret: "
                               "12345678901234567890123456789012}]}}]\n"
                               "routes: [{name: r, match: {path: /}, policies: [{headers: {request: {set: "
                               "{x-api-key: abc, x-other: abc}}}}, respond: {status: 200}]}]\n");
  EXPECT_EQ(document.objects[1]->secrets, Strings{"/credentials/signing_keys/0/secret"});
  EXPECT_EQ(document.objects[2]->secrets, Strings{"/policies/0/headers/request/set/x-api-key"});
}

TEST(Objects, AnObjectOfTheApiIsWhatWasSent) {
  ASSERT_EQ(::setenv("OBJECTS_TEST", "value", 1), 0);
  json value = route("${OBJECTS_TEST} $${x}");
  value["x-note"] = {1, "1.10", nullptr, "${OBJECTS_TEST}"};
  const auto document = loaded_with(loaded(kStart), {sent("routes", "r", value)});
  EXPECT_EQ(json::parse(document.objects.back()->json), value);
  // The value of a variable may be another one the next time.
  EXPECT_EQ(document.objects.back()->value, nullptr);
}

TEST(Objects, UnchangedObjectsAreNotLoadedAgain) {
  const auto document =
      loaded(std::string(kStart) + "upstreams: [{name: u, targets: [{address: '127.0.0.1:1'}]}]\n");
  const auto first = loaded_with(document, {sent("routes", "r", route("x"))});
  std::vector<ObjectPointer> api;
  for (const ObjectPointer& one : first.objects)
    if (!one->is_from_file()) api.push_back(one);
  const auto second = loaded_with(first, api);
  ASSERT_EQ(texts_of(second), texts_of(first));
  for (size_t i = 0; i < first.objects.size(); ++i) EXPECT_EQ(second.objects[i], first.objects[i]);
}

TEST(Objects, AConfigurationOfItsObjectsHasTheSameObjects) {
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    std::string text = kStart;
    text += "routes:\n";
    for (size_t i = 0, count = random() % 5; i < count; ++i) {
      static const Strings kBodies{"007",     "1.10", "'true'", "yes", "\"\\u0001\"",
                                   "'${x'''", "null", "~",      "''",  "[]"};
      text += "  - {name: r" + std::to_string(i) + ", match: {path: /" + std::to_string(i) +
              "}, x-any: {a: [" + kBodies[random() % kBodies.size()] + "]}, policies: [respond: {status: 20" +
              std::to_string(random() % 5) + "}]}\n";
    }
    const size_t broken = text.find("${x");
    for (size_t at = broken; at != std::string::npos; at = text.find("${x", at + 4)) text.insert(at, "$");
    const auto first = loaded(text);
    std::vector<ObjectPointer> api;
    for (const ObjectPointer& one : first.objects) {
      if (one->kind->key == "routes") api.push_back(sent("routes", one->name, json::parse(one->json)));
    }
    EXPECT_EQ(texts_of(loaded_with(first, {})), texts_of(first));
    EXPECT_EQ(texts_of(loaded_with(loaded(kStart), api)), texts_of(first)) << text;
  }
}

TEST(Objects, ANameInAFileAndInTheApiNamesBothPlaces) {
  Reading reading =
      read_text(std::string(kStart) +
                    "routes: [{name: r, match: {path: /a}, policies: [respond: {status: 200}]}]\n"
                    "policies: [headers: {request: {set: {a: b}}}]\n",
                "gateway.yaml");
  add_objects(*reading.document,
              std::vector{sent("routes", "r", route("x")), sent("policies", "", json::array())}, kAll,
              reading.diagnostics);
  (void)load(reading, policy::catalog());
  EXPECT_EQ(errors_of(reading.diagnostics),
            (Strings{"policies: error: `policies` is given already (gateway.yaml:4)",
                     "routes/r: error: a second route named `r`; the first is at gateway.yaml:3"}));
}

TEST(References, OnlyThoseThatAreListedReachTheNode) {
  Store store;
  store.references = {"TOKEN", "/open/", "/file"};
  const MayRefer may_refer = [&](std::string_view name) { return store.may_refer(name); };
  const auto refused = [&](const std::string& text) {
    Diagnostics diagnostics;
    const auto node = node_of_json({{"a", text}}, FileName::unshared("routes/r"), diagnostics);
    (void)replace_references(*node, may_refer, diagnostics);
    const auto errors = errors_of(diagnostics);
    return !errors.empty() && errors[0].find("store.references") != std::string::npos;
  };
  ASSERT_EQ(::setenv("TOKEN", "t", 1), 0);
  for (const char* good :
       {"${TOKEN}", "$${OTHER}", "${TOKEN:-x}", "${TOKEN:-${TOKEN}}", "$", "$$", "${file:/open/x}"})
    EXPECT_FALSE(refused(good)) << good;
  for (const char* bad : {"${OTHER}", "${OTHER:-x}", "${TOKEN:-${OTHER}}", "${TOKEN:-${file:/etc/passwd}}",
                          "${file:TOKEN}", "${file:/open/../x}", "${file:/open/:-/../../x}",
                          "${file:/file:-x}", "${file:/open/..}", "${file:file}", "${file:/open/${TOKEN}}",
                          "${/file}", "$${TOKEN}${OTHER}", "$$${TOKEN}${OTHER}", "${", "${TOKEN${OTHER}}"})
    EXPECT_TRUE(refused(bad)) << bad;
}

}  // namespace
}  // namespace portcullis::config

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <functional>
#include <string>

#include "config/model.h"
#include "config/schema_model.h"
#include "config/yaml.h"
#include "policy/registry.h"

namespace portcullis::config {
namespace {

using std::chrono::milliseconds;

// Called with a field of the object of `type` at `object`.
using VisitField = std::function<void(const std::string& name, const AnyObject& type,
                                      const AnyObject::Field& field, Place object)>;

void visit_fields(const AnyObject& type, Place object, const std::string& place, const VisitField& visit) {
  for (const AnyObject::Field& field : type.fields()) {
    const std::string name = place + "." + field.name;
    visit(name, type, field, object);
    const AnyObject* inner = field.type->object();
    if (inner == nullptr) continue;
    const bool element = field.type->list() != nullptr;
    visit_fields(*inner, element ? inner->defaults() : AnyObject::member_of(object, field), name, visit);
  }
}

void visit_all_fields(const VisitField& visit) {
  const Type<Config> whole = config_type(policy::catalog());
  visit_fields(*whole->object(), whole->object()->defaults(), "", visit);
  for (const PolicyType& policy : policy::catalog())
    visit_fields(*policy.type, policy.type->defaults(), policy.name, visit);
}

// What is wrong with `text` as a value of `type`, or ""; the loaded value is at `out`.
std::string problem_of(const AnyType& type, const std::string& text, Place out) {
  Diagnostics diagnostics;
  const auto node = parse_yaml(text, "c.yaml", diagnostics);
  if (node != nullptr) type.load(*node, out, diagnostics);
  return diagnostics.has_errors() ? diagnostics.sorted().front().message : "";
}

// The reference shows the values of a default-constructed object, as they are written in a configuration.
TEST(Defaults, LoadAsWhatTheyAre) {
  size_t count = 0;
  visit_all_fields([&](const std::string& name, const AnyObject& type, const auto& field, Place) {
    const auto value = type.default_value(field);
    if (!value) return;
    ++count;
    const Place member = AnyObject::member_of(type.defaults(), field);
    EXPECT_EQ(problem_of(*field.type, *value, member), "") << name;
    EXPECT_EQ(field.type->yaml_of(member), value) << name;
  });
  EXPECT_GT(count, 250u);
}

// An object inside of another one has the defaults that the reference shows.
TEST(Defaults, AreTheSameInsideOfOtherObjects) {
  visit_all_fields([&](const std::string& name, const AnyObject& type, const auto& field, Place object) {
    EXPECT_EQ(field.type->yaml_of(AnyObject::member_of(object, field)),
              field.type->yaml_of(AnyObject::member_of(type.defaults(), field)))
        << name;
  });
}

TEST(Defaults, InWordsAreNotTheValueOnceMore) {
  visit_all_fields([&](const std::string& name, const AnyObject& type, const auto& field, Place) {
    EXPECT_NE(field.type->yaml_of(AnyObject::member_of(type.defaults(), field)), field.default_words) << name;
  });
}

struct Shown {
  milliseconds pause{90'000};
  uint64_t port = 0;
  std::string text;
  std::vector<std::string> texts{"a", "b c", "@d", "e,f", "true"};
};

TEST(Defaults, AreShownInTheReferenceAndTheSchema) {
  ObjectType<Shown> type("shown", "");
  type.optional("pause", &Shown::pause, duration(), "Waits.")
      .optional("port", &Shown::port, integer(1, 65'535), "Where.")
      .optional("text", &Shown::text, text("x"), "What.")
      .optional("texts", &Shown::texts, list_of(text("x")), "Which.");
  const auto& fields = type.fields();
  EXPECT_EQ(type.default_text(fields[0]), "90s");
  EXPECT_EQ(type.default_text(fields[1]), "none");  // a port of 0 means none
  EXPECT_EQ(type.default_text(fields[2]), "none");
  EXPECT_EQ(type.default_text(fields[3]), "[a, b c, '@d', 'e,f', 'true']");
  type.default_in_words("all letters");
  EXPECT_EQ(type.default_text(fields[3]), "all letters");
  const nlohmann::json properties = type.json_schema()["properties"];
  EXPECT_EQ(properties["pause"]["default"], "90s");
  EXPECT_EQ(properties["port"]["description"], "Where. Default: none.");
  EXPECT_EQ(properties["texts"]["description"], "Which. Default: all letters.");
}

// Two different values must not be shown as equal.
template <typename T>
void expect_written(const Type<T>& type, T value, const std::string& text) {
  struct One {
    T value{};
  };
  auto object = std::make_shared<ObjectType<One>>("one", "");
  object->optional("value", &One::value, type, "");
  One one;
  Diagnostics diagnostics;
  Type<One>(object).load(*parse_yaml("{value: " + text + "}", "c.yaml", diagnostics), one, diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << text;
  EXPECT_TRUE(one.value == value) << text;
  auto shown = std::make_shared<ObjectType<One>>("one", "");
  shown->optional("value", &One::value, type, "");
  problem_of(*shown, "{value: " + text + "}", shown->defaults());
  EXPECT_EQ(shown->default_value(shown->fields().front()), text);
}

TEST(Defaults, KeepTheirValueWhenTheyAreWritten) {
  expect_written(duration(), milliseconds(0), "0s");
  expect_written(duration(), milliseconds(1), "1ms");
  expect_written(duration(), milliseconds(1'500), "1500ms");
  expect_written(duration(), milliseconds(60'000), "1m");
  expect_written(duration(), milliseconds(75'000), "75s");
  expect_written(duration(), milliseconds(86'400'000), "24h");
  expect_written<uint64_t>(size(), 0, "0");
  expect_written<uint64_t>(size(), 1'000, "1000");
  expect_written<uint64_t>(size(), 1'536, "1536");
  expect_written<uint64_t>(size(), 96 << 10, "96KiB");
  expect_written<uint64_t>(size(), uint64_t{3} << 40, "3TiB");
  expect_written<uint64_t>(percent(), 20, "20%");
  expect_written(rate(), Rate{20, milliseconds(60'000)}, "20/min");
  expect_written(rate(), Rate{10, milliseconds(30'000)}, "10/30s");
  expect_written(rate(), Rate{1, milliseconds(250)}, "1/250ms");
  expect_written(fine_share(), FineShare{100}, "1%");
  expect_written(fine_share(), FineShare{10}, "0.1%");
  expect_written(fine_share(), FineShare{5}, "0.05%");
  expect_written(status_range(), StatusRange{500, 599}, "5xx");
  expect_written(status_range(), StatusRange{404, 404}, "404");
  expect_written(status_range(), StatusRange{200, 298}, "200-298");
  expect_written(timestamp(), std::chrono::sys_seconds(std::chrono::seconds(1)), "1970-01-01T00:00:01Z");
}

}  // namespace
}  // namespace portcullis::config

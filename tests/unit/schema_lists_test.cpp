#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "config/schema_model.h"
#include "config/yaml.h"
#include "policy/registry.h"

namespace portcullis::config {
namespace {

// The number of elements of the list at `out` after loading `text`. Mistakes in the elements do not matter
// here.
size_t loaded_size(const AnyType& type, Place out, const char* text) {
  Diagnostics diagnostics;
  const auto node = parse_yaml(text, "c.yaml", diagnostics);
  type.load(*node, out, diagnostics);
  return type.list()->size(out);
}

using Visit = std::function<void(const std::string& place, const AnyType& type, Place out)>;

// Calls `visit` for each field that takes a list: of the object of `type` at `object`, and of all objects
// inside of it.
void visit_lists(const AnyObject& type, Place object, const std::string& place, const Visit& visit) {
  for (const AnyObject::Field& field : type.fields()) {
    const Place member = AnyObject::member_of(object, field);
    const std::string name = place + "." + field.name;
    const AnyList* list = field.type->list();
    if (list != nullptr) visit(name, *field.type, member);
    if (field.type->object() == nullptr) continue;
    visit_lists(*field.type->object(), list != nullptr ? list->append(member) : member, name, visit);
  }
}

void visit_all_lists(const Visit& visit) {
  const Type<Config> whole = config_type(policy::catalog());
  visit_lists(*whole->object(), whole->object()->defaults(), "", visit);
  for (const PolicyType& policy : policy::catalog())
    visit_lists(*policy.type, policy.type->defaults(), policy.name, visit);
}

TEST(Lists, ReplaceTheirDefault) {
  size_t count = 0;
  visit_all_lists([&](const std::string& place, const AnyType& type, Place out) {
    ++count;
    EXPECT_EQ(loaded_size(type, out, "[x]"), 1u) << place;
    EXPECT_EQ(loaded_size(type, out, "[x, y]"), 2u) << place;
    EXPECT_EQ(loaded_size(type, out, "[z]"), 1u) << place;
  });
  EXPECT_GT(count, 40u);
}

// An empty list is either accepted as empty, or is an error that says so.
TEST(Lists, MayBeEmptyOrSayThatTheyMayNot) {
  visit_all_lists([&](const std::string& place, const AnyType& type, Place out) {
    Diagnostics diagnostics;
    const auto node = parse_yaml("[]", "c.yaml", diagnostics);
    type.load(*node, out, diagnostics);
    EXPECT_TRUE(diagnostics.has_errors() || type.list()->size(out) == 0) << place;
  });
}

// The memory of its nodes has hundreds of pieces.
TEST(LongListTest, IsReadWhole) {
  constexpr size_t kItems = 60'000;
  std::string text = "[0";
  for (size_t i = 1; i < kItems; ++i) text += ",0";
  Diagnostics diagnostics;
  const auto node = parse_yaml(text + "]", "c.yaml", diagnostics);
  ASSERT_NE(node, nullptr);
  EXPECT_EQ(node->items.size(), kItems);
}

}  // namespace
}  // namespace portcullis::config

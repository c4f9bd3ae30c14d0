#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "config/policy_type.h"
#include "config/schema.h"
#include "config/yaml.h"

namespace portcullis::config {
namespace {

using std::chrono::milliseconds;

enum class Colour : uint8_t { kRed, kBlue };
constexpr auto names_of(Colour) {
  return std::to_array<EnumName<Colour>>({{Colour::kRed, "red"}, {Colour::kBlue, "blue"}});
}
enum class Nameless { kOne };

struct Inherited {
  std::string text;
};
struct Sample : Inherited {
  uint16_t narrow = 7;
  uint16_t neighbour = 8;
  uint64_t wide = 0;
  milliseconds pause{0};
  Colour colour = Colour::kRed;
  uint8_t after_colour = 9;
  std::vector<std::string> texts;
};

template <auto kMember, typename ItsType>
concept CanBind = requires(ObjectType<Sample>& object, const ItsType& type) {
  object.optional("key", kMember, type, "");
  object.required("key", kMember, type, "");
};
template <typename E>
concept CanChoose = requires {
  choice<E>();
};

// A member accepts the type of its own C++ type; others do not compile.
static_assert(CanBind<&Sample::pause, Type<milliseconds>>);
static_assert(!CanBind<&Sample::narrow, Type<milliseconds>>);
static_assert(!CanBind<&Sample::wide, Type<milliseconds>>);
static_assert(!CanBind<&Sample::pause, Type<uint64_t>>);
static_assert(CanBind<&Sample::narrow, Type<uint16_t>>);
static_assert(!CanBind<&Sample::narrow, Type<uint64_t>>);
static_assert(CanBind<&Sample::colour, Type<Colour>>);
static_assert(!CanBind<&Sample::after_colour, Type<Colour>>);
static_assert(CanBind<&Sample::text, Type<std::string>>);
static_assert(CanBind<&Sample::texts, Type<std::vector<std::string>>>);
static_assert(!CanBind<&Sample::texts, Type<std::string>>);
static_assert(!CanBind<&Sample::texts, Type<std::vector<uint64_t>>>);
static_assert(!CanBind<&Location::line, Type<uint64_t>>);  // a member of another class
static_assert(CanChoose<Colour>);
static_assert(!CanChoose<Nameless>);

template <typename T>
std::string problem_with(const Type<T>& type, const std::string& text, T& out) {
  Diagnostics diagnostics;
  type.load(*parse_yaml(text, "c.yaml", diagnostics), out, diagnostics);
  return diagnostics.has_errors() ? diagnostics.sorted().front().message : "";
}

TEST(Types, StoreNoMoreThanTheirMemberHolds) {
  auto type = std::make_shared<ObjectType<Sample>>("sample", "");
  type->optional("narrow", &Sample::narrow, integer<uint16_t>(0, 65'535), "")
      .optional("colour", &Sample::colour, choice<Colour>(), "")
      .optional("text", &Sample::text, text("x"), "");
  Sample sample;
  EXPECT_EQ(problem_with<Sample>(type, "{narrow: 65535, colour: blue, text: hello}", sample), "");
  EXPECT_EQ(sample.narrow, 65'535);
  EXPECT_EQ(sample.neighbour, 8);
  EXPECT_EQ(sample.colour, Colour::kBlue);
  EXPECT_EQ(sample.after_colour, 9);
  EXPECT_EQ(sample.text, "hello");
}

TEST(Types, RefuseIntegersThatTheirMemberCannotHold) {
  uint16_t narrow = 7;
  EXPECT_EQ(problem_with(integer<uint16_t>(1, 65'535), "65536", narrow),
            "`65536` is not a whole number from 1 to 65535");
  EXPECT_EQ(narrow, 7);
  uint32_t middle = 7;
  EXPECT_EQ(problem_with(integer<uint32_t>(0, 4'294'967'295), "4294967295", middle), "");
  EXPECT_EQ(middle, 4'294'967'295);
}

TEST(PolicySettings, AreOfOneTypeOnly) {
  auto type = std::make_shared<ObjectType<Sample>>("sample", "");
  type->optional("wide", &Sample::wide, integer(0, 9), "");
  Diagnostics diagnostics;
  const auto settings =
      PolicyType("sample", type).load(*parse_yaml("{wide: 5}", "c.yaml", diagnostics), diagnostics);
  EXPECT_EQ(settings.as<Sample>().wide, 5u);
  EXPECT_THROW((void)settings.as<Inherited>(), std::bad_cast);
}

}  // namespace
}  // namespace portcullis::config

// The texts in which objects are shown: YAML and unified diffs.

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "base/read_file.h"
#include "base/unified_diff.h"
#include "config/object.h"
#include "config/yaml.h"
#include "config/yaml_writer.h"

namespace portcullis::config {
namespace {

using nlohmann::json;

// The value of a text in YAML, or its first error.
json parsed(const std::string& yaml) {
  Diagnostics diagnostics;
  const auto root = parse_yaml(yaml, "text", diagnostics);
  if (root == nullptr || diagnostics.has_errors()) return "error: " + diagnostics.sorted().at(0).to_string();
  auto out = written_json(*root);
  return out ? *out : json("error: " + out.error().message);
}

std::string random_text(std::mt19937& random) {
  static const std::vector<std::string> kPieces{
      "a",      "true", "null",   "~",      "0",      "1.10", "1e5", "-",    ":",    ": ", " #",
      "'",      "\"",   "\\",     "\n",     "\t",     "\r",   " ",   "{",    "[",    "&x", "*x",
      "!t",     "%",    "@",      "`",      "<<",     "?",    ",",   "\x7f", "\x01", "é",  "\u0085",
      "\u2028", "yes",  "\ufeff", "\uffff", "\u00a0", "😀",    "---", "...",  "30s",  "=",  "$${x}"};
  std::string out;
  for (size_t count = random() % 4; count-- > 0;) out += kPieces[random() % kPieces.size()];
  return out;
}

json random_value(std::mt19937& random, int depth) {
  switch (random() % (depth > 0 ? 8 : 6)) {
    case 0: return nullptr;
    case 1: return random() % 2 == 0;
    case 2: return static_cast<int>(random()) / 1000;
    case 3: return static_cast<double>(static_cast<int>(random())) / 65536;
    case 4:
      return std::ldexp(1.0 + static_cast<double>(random() % 1000), static_cast<int>(random() % 200) - 100);
    case 5: return random_text(random);
    case 6: {
      json out = json::array();
      for (size_t count = random() % 4; count-- > 0;) out.push_back(random_value(random, depth - 1));
      return out;
    }
    default: {
      json out = json::object();
      for (size_t count = random() % 4; count-- > 0;)
        out[random_text(random)] = random_value(random, depth - 1);
      return out;
    }
  }
}

TEST(YamlWriter, RandomValuesAreReadAsTheyWereWritten) {
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    const json value = random_value(random, 5);
    const std::string yaml = yaml_of_json(value);
    ASSERT_EQ(parsed(yaml), value) << yaml;
    ASSERT_EQ(parsed(yaml_item_of_json(value)), json::array({value})) << yaml_item_of_json(value);
  }
}

TEST(YamlWriter, LongKeysAndTextsAreReadAsTheyWereWritten) {
  const std::string text(5000, 'x');
  const json value{{text, {{text + " ", text}}}, {"list", {{{{text, 1}}}}}};
  EXPECT_EQ(parsed(yaml_of_json(value)), value);
}

TEST(YamlWriter, AValueCanBeIndented) {
  const json value{{"name", "x"}, {"list", {1, {{"a", "b c"}}}}, {"empty", json::object()}};
  EXPECT_EQ(yaml_item_of_json(value, 2),
            "  - name: x\n    empty: {}\n    list:\n      - 1\n      - a: 'b c'\n");
}

TEST(WrittenJson, NumbersStayTheTextsThatTheyAre) {
  EXPECT_EQ(parsed("[1.10, 007, 1, -0.5, 1e400, 123456789012345678901, 0x1f, 1_000, .5, 1e+21]"),
            json({"1.10", "007", 1, -0.5, "1e400", "123456789012345678901", "0x1f", "1_000", ".5", 1e21}));
}

TEST(WrittenJson, ADocumentThatGrowsByItsAliasesIsRefused) {
  std::string yaml = "x0: &x0 [a, a, a, a, a, a, a, a, a, a]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*x" + std::to_string(i - 1);
    yaml += "x" + std::to_string(i) + ": &x" + std::to_string(i) + " [" + before;
    for (int k = 1; k < 10; ++k) yaml += ", " + before;
    yaml += "]\n";
  }
  EXPECT_EQ(parsed(yaml),
            "error: the document is too large: its values, with those that aliases stand for, take more than "
            "128 MiB");
}

class UnifiedDiff : public testing::Test {
 protected:
  UnifiedDiff() {
    std::string name = testing::TempDir() + "diff-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~UnifiedDiff() override { std::filesystem::remove_all(folder_); }

  // What patch(1) makes of `before`.
  std::string patched(const std::string& before, const std::string& hunks) const {
    write("text", before);
    write("diff", "--- text\n+++ text\n" + hunks);
    const std::string command =
        "cd '" + folder_ + "' && patch -s -p0 --no-backup-if-mismatch <diff >log 2>&1";
    EXPECT_EQ(std::system(command.c_str()), 0) << hunks << *read_file(folder_ + "/log");
    const auto out = read_file(folder_ + "/text");
    return out ? *out : std::string();
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << text;
  }

  std::string folder_;
};

std::string random_lines(std::mt19937& random) {
  std::string out;
  for (size_t count = random() % 30; count-- > 0;)
    out += std::string(1, static_cast<char>('a' + random() % 3)) + "\n";
  if (!out.empty() && random() % 4 == 0) out.pop_back();
  return out;
}

TEST_F(UnifiedDiff, AppliedToTheFirstTextItGivesTheSecond) {
  std::mt19937 random(1);
  for (int round = 0; round < 60; ++round) {
    const std::string before = random_lines(random), after = random_lines(random);
    const std::string hunks = unified_hunks(before, after);
    if (before == after) {
      EXPECT_EQ(hunks, "");
    } else {
      ASSERT_EQ(patched(before, hunks), after) << "before:\n" << before << "diff:\n" << hunks;
    }
  }
}

TEST_F(UnifiedDiff, DistantChangesAreHunksOfTheirOwn) {
  std::string before, after;
  for (int i = 0; i < 30; ++i) {
    before += "line " + std::to_string(i) + "\n";
    after += i == 3 || i == 20 ? "changed\n" : "line " + std::to_string(i) + "\n";
  }
  const std::string hunks = unified_hunks(before, after, 11);
  EXPECT_TRUE(hunks.starts_with("@@ -11,7 +11,7 @@\n")) << hunks;
  EXPECT_NE(hunks.find("\n@@ -28,7 +28,7 @@\n"), std::string::npos) << hunks;
}

TEST_F(UnifiedDiff, TextsThatAreTooLargeToCompareAreReplacedWhole) {
  std::string before, after;
  for (int i = 0; i < 3000; ++i) {
    before += "a" + std::to_string(i) + "\n";
    after += "b" + std::to_string(i) + "\n";
  }
  EXPECT_EQ(patched(before, unified_hunks(before, after)), after);
}

}  // namespace
}  // namespace portcullis::config

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "../support/run_task.h"
#include "config/file_origin.h"
#include "config/text_origin.h"

namespace portcullis::config {
namespace {

namespace fs = std::filesystem;

class FileOriginTest : public ::testing::Test {
 protected:
  FileOriginTest() {
    std::string place = (fs::temp_directory_path() / "portcullis-origin-XXXXXX").string();
    folder_ = ::mkdtemp(place.data());
  }
  ~FileOriginTest() override { fs::remove_all(folder_); }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  Reading read(Origin& origin) { return tests::run_to_end(loop_, origin.read()); }
  void run_until_told(const int& times, int wanted) {
    for (int rounds = 0; times < wanted; ++rounds) {
      ASSERT_LT(rounds, 1'000) << "the change is not told of";
      loop_.run_once(Milliseconds(100));
    }
  }

  EventLoop loop_;
  fs::path folder_;
};

TEST_F(FileOriginTest, GivesTheDocumentWithWhatItIncludes) {
  write("main.yaml", "zone: ${file:zone.txt}\n");
  write("zone.txt", "north\n");
  FileOrigin origin(loop_, (folder_ / "main.yaml").string());
  const Reading reading = read(origin);
  ASSERT_NE(reading.document, nullptr);
  EXPECT_EQ(reading.document->find("zone")->scalar, "north");
}

TEST_F(FileOriginTest, TheFingerprintTellsContentFromOtherContent) {
  write("main.yaml", "zone: ${file:zone.txt}\n");
  write("zone.txt", "north");
  FileOrigin origin(loop_, (folder_ / "main.yaml").string());
  const uint64_t first = read(origin).fingerprint;
  EXPECT_EQ(read(origin).fingerprint, first);
  write("zone.txt", "south");
  EXPECT_NE(read(origin).fingerprint, first);
  write("zone.txt", "north");
  EXPECT_EQ(read(origin).fingerprint, first);
}

TEST_F(FileOriginTest, AReadThatFailsSaysWhyAndHasAFingerprint) {
  write("main.yaml", "zone: ${file:missing.txt}\n");
  FileOrigin origin(loop_, (folder_ / "main.yaml").string());
  const Reading reading = read(origin);
  EXPECT_TRUE(reading.diagnostics.has_errors());
  EXPECT_EQ(read(origin).fingerprint, reading.fingerprint);
  write("main.yaml", "zone: [\n");
  const Reading broken = read(origin);
  EXPECT_EQ(broken.document, nullptr);
  EXPECT_TRUE(broken.diagnostics.has_errors());
  EXPECT_NE(broken.fingerprint, reading.fingerprint);
}

TEST_F(FileOriginTest, TellsOfAChangeOfAFileAndOfAnIncludedOne) {
  write("conf/main.yaml", "zone: ${file:../values/zone.txt}\n");
  write("values/zone.txt", "north");
  int told = 0;
  FileOrigin origin(loop_, (folder_ / "conf/main.yaml").string());
  origin.watch([&told] { ++told; });
  (void)read(origin);
  EXPECT_EQ(told, 1);  // the folder of values was not watched before
  (void)read(origin);
  EXPECT_EQ(told, 1);
  write("values/zone.txt", "south");
  run_until_told(told, 2);
  write("conf/main.yaml", "zone: east\n");
  run_until_told(told, 3);
}

TEST(TextOriginTest, StaysWhatItIs) {
  EventLoop loop;
  TextOrigin origin("command line", "zone: north\n");
  EXPECT_FALSE(origin.can_change());
  const Reading reading = tests::run_to_end(loop, origin.read());
  ASSERT_NE(reading.document, nullptr);
  EXPECT_EQ(reading.document->location.seen_from({}), "command line:1");
}

}  // namespace
}  // namespace portcullis::config

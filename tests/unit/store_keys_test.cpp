#include <sys/stat.h>

#include "store/key_file.h"
#include "store/secret_box.h"
#include "store_world.h"

namespace portcullis::store {
namespace {

class StoreKeys : public StoreTest {
 protected:
  std::string path() const { return folder_ + "/keys"; }
  mode_t mode() const {
    struct stat about {};
    ::stat(path().c_str(), &about);
    return about.st_mode & 0777;
  }
  std::string read_error() const { return read_key_file(path()).error().message; }
};

TEST_F(StoreKeys, AKeyFileIsCreatedForItsOwnerAlone) {
  EXPECT_FALSE(value_of(read_key_file(path())));
  const KeyRing made = value_of(create_key_file(path()));
  EXPECT_EQ(mode(), 0600U);
  const KeyRing read = *value_of(read_key_file(path()));
  EXPECT_EQ(read.digest_key, made.digest_key);
  ASSERT_EQ(read.keys.size(), 1U);
  EXPECT_EQ(read.keys[0].id, made.keys[0].id);
  EXPECT_EQ(read.keys[0].bytes, made.keys[0].bytes);
}

TEST_F(StoreKeys, TheSecondOfTwoCreatorsGetsTheKeyOfTheFirst) {
  const KeyRing first = value_of(create_key_file(path()));
  const KeyRing second = value_of(create_key_file(path()));
  EXPECT_EQ(first.keys[0].bytes, second.keys[0].bytes);
}

TEST_F(StoreKeys, AReplacedKeyFileKeepsItsModeAndLeavesNothingBeside) {
  KeyRing ring = value_of(create_key_file(path()));
  ASSERT_EQ(::chmod(path().c_str(), 0640), 0);
  ring.keys.push_back(generate_key());
  ASSERT_TRUE(replace_key_file(path(), ring));
  EXPECT_EQ(mode(), 0640U);
  EXPECT_EQ(value_of(read_key_file(path()))->keys.size(), 2U);
  const auto files = std::filesystem::directory_iterator(folder_);
  EXPECT_EQ(std::distance(begin(files), end(files)), 1);
}

TEST_F(StoreKeys, AFileThatOtherUsersCanReadIsRefused) {
  static_cast<void>(value_of(create_key_file(path())));
  for (const mode_t mode : {0604, 0620, 0602}) {
    ::chmod(path().c_str(), mode);
    EXPECT_EQ(read_error(),
              "key file " + path() + ": other users can read or change it: run `chmod 600 " + path() + "`");
  }
}

TEST_F(StoreKeys, AFileThatIsNoKeyFileIsRefused) {
  const std::string good = *read_file(value_of(create_key_file(path())).keys.empty() ? "" : path());
  for (const std::string& text : {std::string(), std::string("digest abc\n"), good + "more\n", good + good,
                                  good.substr(0, good.size() - 9), good.substr(good.find("key "))}) {
    std::ofstream(path()) << text;
    EXPECT_EQ(read_error(), "key file " + path() + ": is not a key file, or is damaged: put back its copy")
        << text;
  }
}

TEST_F(StoreKeys, ASecretOpensWithItsKeyAndInItsPlaceOnly) {
  const KeyRing ring{.digest_key = {1}, .keys = {generate_key(), generate_key()}};
  const SecretBox box(ring);
  const std::string second = ring.keys[1].id;
  const SealedText sealed = value_of(box.seal(second, "hunter2", "here"));
  EXPECT_EQ(sealed.key, second);
  EXPECT_EQ(sealed.box.find("hunter2"), std::string::npos);
  EXPECT_EQ(value_of(box.open(second, sealed.box, "here")), "hunter2");
  EXPECT_NE(value_of(box.seal(second, "hunter2", "here")).box, sealed.box);

  std::string changed = sealed.box;
  changed.back() ^= 1;
  EXPECT_FALSE(box.open(second, changed, "here"));
  EXPECT_FALSE(box.open(second, sealed.box, "there"));
  EXPECT_FALSE(box.open(second, "short", "here"));
  EXPECT_FALSE(box.open(ring.keys[0].id, sealed.box, "here"));
  EXPECT_EQ(box.open("none", sealed.box, "here").error().message,
            "the key file has no key `none`: put back the copy of the key file that belongs to the store");
  EXPECT_FALSE(box.seal("none", "hunter2", "here"));
}

TEST_F(StoreKeys, ADigestDependsOnItsKeyAndNotOnTheKeysThatEncrypt) {
  const SecretBox one({.digest_key = {1}, .keys = {generate_key()}});
  const SecretBox same({.digest_key = {1}, .keys = {generate_key()}});
  const SecretBox other({.digest_key = {2}, .keys = {generate_key()}});
  EXPECT_EQ(one.digest("hunter2"), same.digest("hunter2"));
  EXPECT_NE(one.digest("hunter2"), other.digest("hunter2"));
  EXPECT_NE(one.digest("hunter2"), one.digest("hunter3"));
}

}  // namespace
}  // namespace portcullis::store

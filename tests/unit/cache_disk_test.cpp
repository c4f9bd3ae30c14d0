#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "cache/body_reader.h"
#include "cache/store.h"

namespace portcullis::cache {
namespace {

using std::chrono::milliseconds;

constexpr uint64_t kMiB = 1 << 20;

std::string text_of(size_t size) {
  std::string out(size, '\0');
  uint64_t state = 1;
  for (char& c : out) c = static_cast<char>((state = state * 6364136223846793005 + 1) >> 56);
  return out;
}

template <typename Condition>
bool comes_true(const Condition& condition) {
  for (int i = 0; i < 10'000 && !condition(); ++i) std::this_thread::sleep_for(milliseconds(1));
  return condition();
}

class CacheDisk : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "cache-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  std::unique_ptr<Disk> open() {
    auto opened = Disk::open({path_, 64 * kMiB, 64 << 10, 32 * kMiB}, [](Level, const std::string&) {});
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  std::unique_ptr<Store> begin() {
    auto store = std::make_unique<Store>(64 * kMiB, open());
    EXPECT_TRUE(comes_true([&] { return fills_disk(*store); }));
    return store;
  }
  static bool fills_disk(Store& store) {
    const auto entry = std::make_shared<Entry>(200, "OK", http::Fields());
    const auto filling = store.fill(entry, kMiB, Store::kNoLimit);
    return filling != nullptr && entry->body->on_disk();
  }
  size_t files(std::string_view ending) const {
    size_t count = 0;
    for (const auto& one : std::filesystem::recursive_directory_iterator(path_))
      count += one.path().extension() == ending;
    return count;
  }

  // Stores `body` under `name`, in pieces.
  void put(Store& store, const std::string& name, std::string_view body, bool told = true) {
    const Key key = store.key(name, name);
    const auto entered = store.enter(key, store.find(key).variants, "");
    ASSERT_EQ(entered.kind, Store::Entered::Kind::kBegin);
    const auto entry = std::make_shared<Entry>(200, "OK", http::Fields());
    entry->told_age = Age(now());
    entry->lifetime = 1'000'000;
    entry->tags = {store.hash_of_tag("tag of " + name)};
    const auto filling =
        store.fill(entry, told ? std::optional<uint64_t>(body.size()) : std::nullopt, Store::kNoLimit);
    ASSERT_NE(filling, nullptr);
    store.stored(key, entered.fetch, entry);
    for (size_t at = 0; at < body.size(); at += 10'007) {
      filling->append(body.substr(at, 10'007));
      comes_true([&] { return !filling->has_to_wait(); });
    }
    filling->finish();
  }

  static EntryPointer find(Store& store, const std::string& name) {
    const auto found = store.find(store.key(name, name));
    return found.variants == nullptr ? nullptr : found.variants->back();
  }

  static std::string read(const std::shared_ptr<Body>& body, uint64_t begin = 0,
                          std::optional<uint64_t> end = std::nullopt) {
    BodyReader reader(body, begin, end);
    EventLoop loop;
    std::string out;
    TaskGroup tasks;
    bool done = false;
    tasks.spawn(read_all(reader, loop, out, done));
    for (int i = 0; i < 10'000 && !done; ++i) loop.run_once(milliseconds(1));
    return out;
  }
  static Task<void> read_all(BodyReader& reader, EventLoop& loop, std::string& out, bool& done) {
    while (!reader.at_end()) {
      for (std::string_view piece = reader.take(); !piece.empty(); piece = reader.take()) out += piece;
      Task<bool> waiting = reader.wait(loop, milliseconds(10'000));
      if (!co_await waiting) break;
    }
    done = true;
  }

  std::string path_;
};

TEST(DiskHead, IsReadAsItWasWritten) {
  http::Fields fields;
  fields.add("content-type", "text/plain");
  fields.add("x-odd", "caf\xe9 \x01");
  Entry entry(203, "Said", fields);
  entry.vary = {true, {"accept", "x-b"}};
  entry.selecting = std::string("a\0b", 3);
  entry.told_age = Age(Time(milliseconds(1234)));
  entry.lifetime = -5;
  entry.always_validate = true;
  entry.stale = {true, true, milliseconds(7), std::nullopt};
  entry.tags = {1, UINT64_MAX};
  DiskHead head = DiskHead::of(entry, "route\nkey", "http://a/b");
  head.length = 3 * DiskFile::kChunk + 1;
  head.sums = {1, 2, 3, 4};
  const std::string text = write_disk_head(head);
  const auto again = read_disk_head(text);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, head);
  const auto revived = again->revive();
  EXPECT_EQ(DiskHead::of(*revived, head.key, head.uri).fields, head.fields);
  EXPECT_EQ(revived->told_age.at(Time(milliseconds(2234))), milliseconds(1000));
}

TEST(DiskHead, ThatIsNotWholeIsNone) {
  DiskHead head{.key = "k", .uri = "u", .status = 200};
  head.length = 10;
  head.sums = {1};
  const std::string text = write_disk_head(head);
  for (size_t size = 0; size < text.size(); ++size) EXPECT_FALSE(read_disk_head(text.substr(0, size)));
  for (size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = static_cast<char>(other[i] ^ 4);
    EXPECT_FALSE(read_disk_head(other)) << i;
  }
  head.sums = {1, 2};
  EXPECT_FALSE(read_disk_head(write_disk_head(head)));
}

TEST_F(CacheDisk, KeepsBodiesOfAnySize) {
  const auto store = begin();
  for (const size_t size : {64 << 10, (64 << 10) + 1, 256 << 10, 1 << 20, 3'333'333}) {
    for (const bool told : {true, false}) {
      const std::string name = std::to_string(size) + (told ? "t" : "u");
      const std::string body = text_of(size);
      put(*store, name, body, told);
      const EntryPointer entry = find(*store, name);
      ASSERT_NE(entry, nullptr);
      EXPECT_TRUE(entry->body->on_disk());
      EXPECT_EQ(read(entry->body), body);
      EXPECT_EQ(read(entry->body, size - 1000, size - 10), body.substr(size - 1000, 990));
    }
  }
  EXPECT_TRUE(comes_true([&] { return files(".head") == 10; }));
  EXPECT_EQ(store->state().disk.entries, 10u);
}

TEST_F(CacheDisk, HandsOutItsFileOnceItHasBeenLookedAt) {
  const auto store = begin();
  const std::string body = text_of(3 * kMiB + 1000);
  put(*store, "a", body);
  ASSERT_TRUE(comes_true([&] { return files(".head") == 1; }));
  const EntryPointer entry = find(*store, "a");
  EXPECT_FALSE(BodyReader(entry->body).next_in_file());
  EXPECT_EQ(read(entry->body, kMiB, 2 * kMiB + 1), body.substr(kMiB, kMiB + 1));
  EXPECT_FALSE(BodyReader(entry->body).next_in_file());  // only later chunks have been verified

  BodyReader reader(entry->body, kMiB + 7, body.size());
  const uint64_t before = store->state().disk.read_bytes;
  EXPECT_TRUE(reader.next_in_file());
  EXPECT_TRUE(reader.next_in_file());
  EXPECT_TRUE(reader.can_be_sent());
  EXPECT_EQ(store->state().disk.read_bytes, before);  // offering a part does not read it
  std::string sent;
  while (const auto part = reader.next_in_file()) {
    std::string piece(part->size, '\0');
    ASSERT_EQ(::pread(part->file.get(), piece.data(), part->size, static_cast<off_t>(part->begin)),
              static_cast<ssize_t>(part->size));
    sent += piece;
    reader.skip(part->size);
  }
  EXPECT_GT(sent.size(), kMiB);
  EXPECT_LT(sent.size(), 2 * kMiB);
  EXPECT_EQ(store->state().disk.read_bytes, before + sent.size());
  EXPECT_EQ(sent, body.substr(kMiB + 7, sent.size()));
  EXPECT_TRUE(reader.can_be_sent());  // from here on the chunk has been read
  EXPECT_EQ(reader.take(), body.substr(kMiB + 7 + sent.size(), 64 << 10));

  EXPECT_EQ(read(entry->body), body);
  reader.note_unreadable();
  EXPECT_EQ(find(*store, "a"), nullptr);
}

TEST_F(CacheDisk, IsFollowedByOtherThreads) {
  const auto store = begin();
  const std::string body = text_of(8 * kMiB);
  const auto entry = std::make_shared<Entry>(200, "OK", http::Fields());
  auto filling = store->fill(entry, std::nullopt, Store::kNoLimit);
  std::vector<std::thread> readers;
  std::atomic<int> good{0};
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&, i] {
      BodyReader reader(entry->body);
      size_t at = 0;
      bool same = true;
      while (same && !reader.at_end()) {
        if (i == 2)
          std::this_thread::sleep_for(milliseconds(1));  // the reader falls behind, and reads the file
        if (reader.needs_disk()) continue;
        const std::string_view piece = reader.take();
        same = body.compare(at, piece.size(), piece) == 0;
        at += piece.size();
      }
      good += same && at == body.size();
    });
  }
  for (size_t at = 0; at < body.size(); at += 30'011) {
    filling->append(std::string_view(body).substr(at, 30'011));
    comes_true([&] { return !filling->has_to_wait(); });
  }
  filling->finish();
  for (std::thread& one : readers) one.join();
  EXPECT_EQ(good, 3);
}

TEST_F(CacheDisk, MayGiveUpInTheMiddle) {
  const auto store = begin();
  const std::string body = text_of(3 * kMiB);
  const auto entry = std::make_shared<Entry>(200, "OK", http::Fields());
  auto filling = store->fill(entry, std::nullopt, 2 * kMiB);
  BodyReader early(entry->body);
  std::string got;
  for (size_t at = 0; at < body.size(); at += 50'000) {
    filling->append(std::string_view(body).substr(at, 50'000));
    if (at > kMiB) continue;  // from there on the reader falls behind a little
    for (std::string_view piece = early.take(); !piece.empty(); piece = early.take()) got += piece;
  }
  filling->finish();
  const BodyReader late(entry->body);
  EXPECT_FALSE(late.valid());
  comes_true([&] {
    while (!early.needs_disk() && !early.at_end()) got += early.take();
    return early.at_end();
  });
  EXPECT_EQ(got, body);
  EXPECT_TRUE(comes_true([&] { return files(".body") == 0; }));
}

TEST_F(CacheDisk, WhatIsGivenUpIsNotKeptByItsValidation) {
  const auto store = begin();
  put(*store, "a", text_of(kMiB));
  const Key key = store->key("a", "a");
  const EntryPointer old = find(*store, "a");
  const auto entered = store->enter(key, store->find(key).variants, "");
  ASSERT_EQ(entered.kind, Store::Entered::Kind::kBegin);
  // Meanwhile there is no space for the object any more.
  const std::string large = text_of(30 * kMiB);
  for (const char* name : {"b", "c", "d", "e"}) put(*store, name, large);
  ASSERT_EQ(find(*store, "a"), nullptr);
  const auto validated = std::make_shared<Entry>(200, "OK", http::Fields());
  validated->body = old->body;
  store->stored(key, entered.fetch, validated);
  EXPECT_EQ(find(*store, "a"), nullptr);
  EXPECT_EQ(entered.fetch->entry(), validated);  // the waiting request gets the entry
  EXPECT_EQ(read(validated->body), text_of(kMiB));
}

TEST_F(CacheDisk, ComesBackAndIsPurgedMeanwhile) {
  const std::string body = text_of(kMiB);
  {
    const auto store = begin();
    for (const char* name : {"uri", "prefix", "tag", "left", "expired"}) put(*store, name, body);
    EXPECT_TRUE(comes_true([&] { return files(".head") == 5; }));
  }
  // Another process still uses the directory, as during an upgrade: objects purged in that time are not
  // restored.
  auto before = open();
  std::atomic<bool> taken{false};
  before->begin([](const DiskHead&, std::unique_ptr<DiskFile>) { return true; }, [&] { taken = true; });
  ASSERT_TRUE(comes_true([&] { return taken.load(); }));
  Store store(64 * kMiB, open());
  store.purge({Purge::What::kUri, "uri"});
  store.purge({Purge::What::kPrefix, "pre"});
  store.purge({Purge::What::kTag, "tag of tag"});
  store.purge({Purge::What::kUri, "expired", Purge::How::kExpire});
  before.reset();
  ASSERT_TRUE(comes_true([&] { return store.state().disk.restored == 2; }));
  EXPECT_EQ(find(store, "uri"), nullptr);
  EXPECT_EQ(find(store, "prefix"), nullptr);
  EXPECT_EQ(find(store, "tag"), nullptr);
  ASSERT_NE(find(store, "left"), nullptr);
  EXPECT_LT(find(store, "left")->staleness(now()).count(), 0);
  EXPECT_GE(find(store, "expired")->staleness(now()).count(), 0);
  EXPECT_TRUE(comes_true([&] { return files(".body") == 2; }));
}

TEST_F(CacheDisk, WhatIsNewerStays) {
  const std::string old = text_of(kMiB);
  {
    const auto store = begin();
    put(*store, "a", old);
    EXPECT_TRUE(comes_true([&] { return files(".head") == 1; }));
  }
  auto before = open();
  std::atomic<bool> taken{false};
  before->begin([](const DiskHead&, std::unique_ptr<DiskFile>) { return true; }, [&] { taken = true; });
  ASSERT_TRUE(comes_true([&] { return taken.load(); }));
  Store store(64 * kMiB, open());
  put(store, "a", "newer");
  before.reset();
  EXPECT_TRUE(comes_true([&] { return files(".head") == 0; }));
  EXPECT_EQ(read(find(store, "a")->body), "newer");
}

}  // namespace
}  // namespace portcullis::cache

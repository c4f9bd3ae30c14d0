#include <gtest/gtest.h>

#include <thread>

#include "base/random.h"
#include "cache/body_reader.h"
#include "cache/store.h"

namespace portcullis::cache {
namespace {

constexpr uint64_t kMebibyte = 1 << 20;

std::shared_ptr<Entry> entry_of(std::string_view body, std::vector<uint64_t> tags = {}) {
  auto entry = std::make_shared<Entry>(200, "OK", http::Fields());
  entry->body = std::make_shared<Body>(body.size());
  entry->body->append(body);
  entry->body->finish();
  entry->lifetime = 1'000'000;
  entry->tags = std::move(tags);
  return entry;
}

std::string read(const std::shared_ptr<Body>& body) {
  BodyReader reader(body);
  std::string out;
  for (std::string_view piece = reader.take(); !piece.empty(); piece = reader.take()) out += piece;
  return out;
}

void put(Store& store, const std::string& name, std::string_view body, std::vector<uint64_t> tags = {}) {
  const Key key = store.key(name, name);
  const auto entered = store.enter(key, store.find(key).variants, "");
  ASSERT_EQ(entered.kind, Store::Entered::Kind::kBegin);
  store.stored(key, entered.fetch, entry_of(body, std::move(tags)));
}

bool has(const Store& store, const std::string& name) {
  const auto found = store.find(store.key(name, name));
  if (found.variants != nullptr) found.variants->back()->note_use();
  return found.variants != nullptr;
}

TEST(Body, OfUnknownLengthGrowsInPieces) {
  const auto body = std::make_shared<Body>(std::nullopt);
  std::string all;
  for (int i = 0; i < 3000; ++i) {
    const std::string piece = std::to_string(i) + std::string(static_cast<size_t>(i), 'x');
    body->append(piece);
    all += piece;
  }
  BodyReader early(body, all.size() - 5);
  EXPECT_FALSE(early.length());
  EXPECT_EQ(early.take(), all.substr(all.size() - 5));
  EXPECT_FALSE(early.at_end());
  body->finish();
  EXPECT_TRUE(early.at_end());
  EXPECT_EQ(read(body), all);
  BodyReader part(body, 100, 300);
  EXPECT_EQ(part.length(), 200u);
  EXPECT_EQ(part.take(), all.substr(100, 200));
}

TEST(Body, ThatPassesThroughIsNotKept) {
  auto body = std::make_shared<Body>(std::nullopt);
  body->append(std::string(10'000, 'a'));
  BodyReader reader(body);
  body->pass_through();
  const BodyReader late(body);
  EXPECT_FALSE(late.valid());
  body->append(std::string(1 * kMebibyte, 'b'));
  size_t total = 0;
  for (std::string_view piece = reader.take(); !piece.empty(); piece = reader.take()) total += piece.size();
  EXPECT_EQ(total, 10'000 + kMebibyte);
}

TEST(Body, IsFollowedByOtherThreads) {
  const auto body = std::make_shared<Body>(std::nullopt);
  std::vector<std::thread> readers;
  std::atomic<uint64_t> sums{0};
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      BodyReader reader(body);
      uint64_t sum = 0;
      while (!reader.at_end()) {
        for (const char c : reader.take()) sum += static_cast<uint8_t>(c);
      }
      sums += sum;
    });
  }
  uint64_t expected = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::string piece(static_cast<size_t>(i % 700), static_cast<char>(i));
    for (const char c : piece) expected += static_cast<uint8_t>(c);
    body->append(piece);
  }
  body->finish();
  for (std::thread& one : readers) one.join();
  EXPECT_EQ(sums, 3 * expected);
}

TEST(Store, OneFetchesAndTheOthersWait) {
  Store store(kMebibyte);
  const Key key = store.key("k", "u");
  const auto first = store.enter(key, nullptr, "");
  const auto second = store.enter(key, nullptr, "");
  EXPECT_EQ(first.kind, Store::Entered::Kind::kBegin);
  EXPECT_EQ(second.kind, Store::Entered::Kind::kWait);
  EXPECT_EQ(first.fetch, second.fetch);
  EXPECT_EQ(store.enter(key, nullptr, "another").kind, Store::Entered::Kind::kBegin);
  store.stored(key, first.fetch, entry_of("body"));
  EXPECT_EQ(second.fetch->outcome(), Fetch::Outcome::kStored);
  EXPECT_EQ(store.enter(key, nullptr, "").kind, Store::Entered::Kind::kChanged);
  EXPECT_EQ(read(store.find(key).variants->back()->body), "body");
}

TEST(Store, NobodyJoinsAFetchThatAPurgeHasOutdated) {
  Store store(kMebibyte);
  const Key key = store.key("k", "u");
  const auto first = store.enter(key, nullptr, "");
  store.invalidate("u");
  const auto second = store.enter(key, nullptr, "");
  EXPECT_EQ(second.kind, Store::Entered::Kind::kBegin);
  store.stored(key, first.fetch, entry_of("old"));
  EXPECT_EQ(store.find(key).variants, nullptr);
  store.stored(key, second.fetch, entry_of("new"));
  EXPECT_EQ(read(store.find(key).variants->back()->body), "new");
}

TEST(Store, ForgetsWhatIsForOneRequestOnly) {
  Store store(kMebibyte);
  const Key key = store.key("k", "u");
  store.not_shared(key, store.enter(key, nullptr, "").fetch, std::chrono::seconds(100));
  EXPECT_TRUE(store.find(key).unshared);
  EXPECT_FALSE(store.find(store.key("other", "u")).unshared);
  store.stored(key, store.enter_alone(key), entry_of("body"));
  EXPECT_FALSE(store.find(key).unshared);
}

TEST(Store, PurgesCount) {
  Store store(kMebibyte);
  const uint64_t tag = store.hash_of_tag("t");
  put(store, "http://a/1", "x", {tag});
  put(store, "http://a/2", "x");
  put(store, "http://b/1", "x", {tag, 5});
  EXPECT_EQ(store.purge({Purge::What::kPrefix, "http://a/"}), 2u);
  EXPECT_EQ(store.purge({Purge::What::kTag, "t"}), 1u);
  EXPECT_EQ(store.state().entries, 0u);
  EXPECT_EQ(store.state().bytes, 0u);
}

TEST(Store, KeepsWhatIsUsedWhenTheRestGoes) {
  Store store(kMebibyte);
  const std::string body(2000, 'x');
  for (int i = 0; i < 20; ++i) put(store, "hot" + std::to_string(i), body);
  for (int i = 0; i < 20'000; ++i) {
    put(store, "cold" + std::to_string(i), body);
    (void)has(store, "hot" + std::to_string(i % 20));
    EXPECT_LE(store.state().bytes, kMebibyte);
  }
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(has(store, "hot" + std::to_string(i)));
  EXPECT_GT(store.state().evictions, 19'000u);
}

TEST(Store, LongValuesOfSelectingFieldsTakeRoom) {
  Store store(kMebibyte);
  const Key key = store.key("k", "u");
  for (int i = 0; i < 100; ++i) {
    const std::string selecting = std::to_string(i) + std::string(30'000, 'x');
    const auto entered = store.enter(key, store.find(key).variants, selecting);
    ASSERT_EQ(entered.kind, Store::Entered::Kind::kBegin);
    const std::shared_ptr<Entry> entry = entry_of("body");
    entry->vary.names = {"accept-encoding"};
    entry->selecting = selecting;
    store.stored(key, entered.fetch, entry);
    EXPECT_LE(store.state().bytes, kMebibyte);
    EXPECT_GE(store.state().bytes, store.state().entries * selecting.size());
  }
  EXPECT_GT(store.state().evictions, 60u);
}

TEST(Store, IsOfOneMindWhateverComesAtOnce) {
  Store store(256 << 10);
  std::vector<std::thread> threads;
  for (uint64_t seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&store, seed] {
      Random random(seed);
      for (int i = 0; i < 4000; ++i) {
        const std::string name = "u" + std::to_string(random.below(50));
        const Key key = store.key(name, name);
        const auto found = store.find(key);
        if (found.variants != nullptr) {
          found.variants->back()->note_use();
          (void)read(found.variants->back()->body);
        }
        const auto entered = store.enter(key, found.variants, "");
        if (entered.kind == Store::Entered::Kind::kBegin) {
          if (random.below(5) == 0) {
            store.abandoned(key, entered.fetch);
          } else {
            store.stored(key, entered.fetch, entry_of(std::string(random.below(20'000), 'x')));
          }
        }
        if (random.below(20) == 0) store.invalidate(name);
      }
    });
  }
  for (std::thread& one : threads) one.join();
  EXPECT_LE(store.state().bytes, 256u << 10);
  (void)store.purge({Purge::What::kAll, ""});
  EXPECT_EQ(store.state().entries, 0u);
  EXPECT_EQ(store.state().bytes, 0u);
}

}  // namespace
}  // namespace portcullis::cache

#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/read_file.h"
#include "store/maintenance.h"
#include "store/store.h"

// A store in a folder of its own, and short ways to write revisions.
namespace portcullis::store {

using IfAbsent = sqlite::Database::IfAbsent;
using std::chrono::days;
using std::chrono::sys_seconds;

inline constexpr sys_seconds kFirstDay{std::chrono::seconds(1'800'000'000)};

inline Object route(const std::string& name, const std::string& json, std::vector<std::string> secrets = {}) {
  return {.id = {"routes", name}, .json = json, .secrets = std::move(secrets)};
}
inline Object route_with_token(const std::string& name, const std::string& token) {
  return route(name, R"({"token":")" + token + R"("})", {"/token"});
}

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    std::string name = testing::TempDir() + "store-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    files_ = {folder_ + "/portcullis.db", folder_ + "/portcullis.db.key"};
  }
  ~StoreTest() override { std::filesystem::remove_all(folder_); }

  Store open_store(Retention retention = {}) { return open_store_of(files_, retention); }
  static Store open_store_of(const StoreFiles& files, Retention retention = {}) {
    auto opened = Store::open(files, IfAbsent::kCreate, retention);
    if (!opened) throw std::runtime_error(opened.error().message);
    return std::move(*opened);
  }
  // Why the store does not open; "" when it does.
  std::string open_error(IfAbsent if_absent = IfAbsent::kCreate) {
    const auto opened = Store::open(files_, if_absent);
    return opened ? "" : opened.error().message;
  }

  // Appends to the newest revision. Throws when the store cannot do its work.
  static AppendOutcome append(Store& store, const Changes& changes, sys_seconds time = kFirstDay) {
    return value_of(store.append(
        {.newest = value_of(store.newest()), .time = time, .author = "ada", .message = "why"}, changes));
  }
  static Revision appended(Store& store, const Changes& changes, sys_seconds time = kFirstDay) {
    return std::get<Appended>(append(store, changes, time)).revision;
  }
  static Revision appended(Store& store, const Object& object, sys_seconds time = kFirstDay) {
    return appended(store, Changes{.put = {object}, .remove = {}}, time);
  }
  template <typename T>
  static T value_of(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(*result);
  }

  // The objects of a revision, as "name=json".
  static std::vector<std::string> contents(Store& store, uint64_t number) {
    std::vector<std::string> out;
    const auto found = value_of(store.objects(number));
    for (const StoredObject& one : std::get<std::vector<StoredObject>>(found))
      out.push_back(one.object.id.name + "=" + one.object.json);
    return out;
  }
  std::vector<std::string> faults() { return value_of(check_store(files_)).faults; }

  // All bytes of the store: the database and its log.
  std::string bytes() const {
    std::string out;
    for (const char* end : {"", "-wal"}) {
      if (const auto text = read_file(files_.database + end); text) out += *text;
    }
    return out;
  }
  // Changes bytes of a file in place.
  static void overwrite(const std::string& path, size_t at, const std::string& with) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file << with;
  }

  std::string folder_;
  StoreFiles files_;
};

using Strings = std::vector<std::string>;

}  // namespace portcullis::store

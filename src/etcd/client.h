#pragma once

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "client/http_client.h"
#include "etcd/messages.h"
#include "etcd/settings.h"
#include "runtime/event_loop.h"
#include "runtime/task.h"

namespace portcullis::etcd {

// The calls of etcd's API v3, by its JSON gateway.
//
// A call asks the member that has answered last, and the next one when that one is away, hangs or has no
// leader; it asks each member once. A call that changes keys may so be done twice, or be done although it
// failed: only calls that can be repeated belong here, such as transactions that recognise their own result.
// Reads are linearizable. An Error says what to do.
//
// On the loop's thread. Destroying the task of a call cancels it. The client must outlive its calls.
class Client {
 public:
  // How long one member may take to answer.
  static constexpr Milliseconds kAnswer{3'000};
  // The largest answer that is read.
  static constexpr size_t kMaxAnswer = 32 << 20;

  Client(EventLoop& loop, client::HttpClient& http, Settings settings);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Task<Result<RangeAnswer>> range(RangeRequest request);
  // `request` in pages, so that no answer is large; all pages are of one revision.
  Task<Result<RangeAnswer>> range_in_pages(RangeRequest request, size_t page);
  // The revision of the change. `lease` 0: the key stays.
  Task<Result<uint64_t>> put(std::string key, std::string value, uint64_t lease = 0);
  Task<Result<uint64_t>> remove(std::string key);
  Task<Result<TransactionAnswer>> commit(Transaction transaction);

  // The lease's number.
  Task<Result<uint64_t>> grant_lease(std::chrono::seconds time_to_live);
  // How long the lease lasts from now on; 0 when it is over.
  Task<Result<std::chrono::seconds>> keep_lease_alive(uint64_t lease);
  // Removes the lease and its keys. One that is over is no error.
  Task<Status> revoke_lease(uint64_t lease);

  struct MemberStatus {
    std::string version;
    uint64_t database_bytes = 0;
    bool has_leader = false;
  };
  Task<Result<MemberStatus>> status();

  // One member, by its place in the settings: for streams, which stay with a member.
  size_t member() const { return member_; }
  // Makes calls begin with the member after this one, which has failed.
  void leave_member(size_t member);
  // Does a linearizable read at this member, which one that is cut off from the others cannot. Returns the
  // revision of etcd's keys.
  Task<Result<uint64_t>> probe(size_t member, std::string key);
  // Sends a request whose answer does not end. The error says why it has ended.
  Task<std::string> stream(size_t member, std::string path, nlohmann::json message,
                           std::function<bool(std::string_view)> goes_on);
  // Makes the next call log in again, for a stream whose token etcd no longer knows.
  void forget_token() { token_.clear(); }

  EventLoop& loop() { return loop_; }
  const Settings& settings() const { return settings_; }

 private:
  struct Reply;

  client::HttpRequest request(size_t member, const std::string& path, const std::string& body) const;
  Task<Result<nlohmann::json>> call(std::string path, nlohmann::json message);
  Task<Reply> ask(size_t member, std::string path, std::string body);
  Task<Reply> ask_once(size_t member, std::string path, std::string body);
  Task<Reply> log_in(size_t member);
  std::string advice(const std::string& problem) const;

  EventLoop& loop_;
  client::HttpClient& http_;
  const Settings settings_;
  size_t member_ = 0;
  std::string token_;
};

}  // namespace portcullis::etcd

#include "etcd/client.h"

#include <algorithm>

#include "base/json_text.h"
#include "base/text.h"
#include "etcd/encoding.h"

namespace portcullis::etcd {

using nlohmann::json;

// What one member has answered.
// NOLINTNEXTLINE(bugprone-exception-escape): no member throws when it is moved
struct Client::Reply {
  enum class Kind {
    kAnswered,
    kRefused,  // another member would say the same
    kNoToken,  // the token is over
    kAway      // another member may answer
  };
  Kind kind = Kind::kAway;
  json value;
  std::string problem{};
};

namespace {

std::string problem_of(const client::HttpResponse& response, const json& body) {
  std::string said = text_at(body, "message");
  if (said.empty()) said = text_at(body, "error");
  // What stands before etcd's gateway answers with a line of text.
  constexpr size_t kLine = 200;
  if (said.empty() && !body.is_object())
    said = std::string(trim(std::string_view(response.body).substr(0, kLine)));
  return said.empty() ? "it answers " + std::to_string(response.status) : said;
}

bool is_about_token(const std::string& problem) {
  return problem.find("invalid auth token") != std::string::npos ||
         problem.find("revision of auth store is old") != std::string::npos;
}

Error too_large(size_t bytes) {
  return Error{"etcd takes requests of at most " + std::to_string(kMaxRequestBytes) +
               " bytes, and this one has " + std::to_string(bytes) + ": make it smaller"};
}

}  // namespace

Client::Client(EventLoop& loop, client::HttpClient& http, Settings settings)
    : loop_(loop), http_(http), settings_(std::move(settings)) {}

void Client::leave_member(size_t member) {
  if (member == member_) member_ = (member + 1) % settings_.urls.size();
}

client::HttpRequest Client::request(size_t member, const std::string& path, const std::string& body) const {
  client::HttpRequest out;
  out.method = "POST";
  out.url = settings_.urls[member];
  while (out.url.ends_with('/')) out.url.pop_back();
  out.url += path;
  out.body = body;
  out.fields.emplace_back("content-type", "application/json");
  if (!token_.empty()) out.fields.emplace_back("authorization", token_);
  // Without this, libcurl waits up to a second before it sends a body of more than 1 MiB.
  out.fields.emplace_back("expect", "");
  out.ca_file = settings_.tls.ca;
  out.certificate_file = settings_.tls.cert;
  out.key_file = settings_.tls.key;
  out.timeout = kAnswer;
  out.max_bytes = kMaxAnswer;
  return out;
}

std::string Client::advice(const std::string& problem) const {
  const auto says = [&problem](const char* text) { return problem.find(text) != std::string::npos; };
  if (says("database space exceeded"))
    return problem +
           ": compact and defragment etcd's database, then disarm its alarm (`etcdctl alarm disarm`)";
  if (says("permission denied"))
    return problem + ": give the role of the user `" + settings_.username +
           "` readwrite on the keys below `" + settings_.prefix + "`";
  if (says("CommonName"))
    return "with users, etcd takes only client certificates without a common name: use another certificate";
  if (says("user name is empty")) return problem + ": set `username` and `password`";
  if (says("authentication is not enabled")) return problem + ": remove `username` and `password`";
  if (says("invalid user ID or password")) return problem + ": check `username` and `password`";
  return problem;
}

Task<Client::Reply> Client::ask_once(size_t member, std::string path, std::string body) {
  client::HttpRequest asked = request(member, path, body);
  const client::HttpResponse response = co_await http_.fetch(std::move(asked));
  Reply reply;
  if (response.too_large) {
    reply.kind = Reply::Kind::kRefused;
    reply.problem = "its answer is larger than " + std::to_string(kMaxAnswer) + " bytes";
    co_return reply;
  }
  if (!response.error.empty()) {
    reply.problem = response.error;
    co_return reply;
  }
  reply.value = json::parse(response.body, nullptr, false);
  if (response.ok()) {
    const bool good = reply.value.is_object();
    reply.kind = good ? Reply::Kind::kAnswered : Reply::Kind::kAway;
    if (!good) reply.problem = "its answer is not in etcd's format: check `urls`";
    co_return reply;
  }
  reply.problem = problem_of(response, reply.value);
  reply.kind = is_about_token(reply.problem) ? Reply::Kind::kNoToken
               : response.status >= 500      ? Reply::Kind::kAway
                                             : Reply::Kind::kRefused;
  co_return reply;
}

Task<Client::Reply> Client::log_in(size_t member) {
  token_.clear();
  std::string body = json_text(json{{"name", settings_.username}, {"password", settings_.password}});
  Reply reply = co_await ask_once(member, "/v3/auth/authenticate", std::move(body));
  if (reply.kind == Reply::Kind::kAnswered) token_ = text_at(reply.value, "token");
  co_return reply;
}

Task<Client::Reply> Client::ask(size_t member, std::string path, std::string body) {
  for (bool again = false;; again = true) {
    if (!settings_.username.empty() && token_.empty()) {
      Reply in = co_await log_in(member);
      if (in.kind != Reply::Kind::kAnswered) co_return in;
    }
    Reply reply = co_await ask_once(member, path, body);
    if (reply.kind != Reply::Kind::kNoToken || again) co_return reply;
    token_.clear();
  }
}

Task<Result<json>> Client::call(std::string path, json message) {
  const std::string body = json_text(message);
  std::string problems;
  for (size_t tried = 0; tried < settings_.urls.size(); ++tried) {
    const size_t member = member_;
    std::string its_path = path, its_body = body;
    Reply reply = co_await ask(member, std::move(its_path), std::move(its_body));
    if (reply.kind == Reply::Kind::kAnswered) co_return std::move(reply.value);
    if (reply.kind == Reply::Kind::kRefused) co_return Error{"etcd: " + advice(reply.problem)};
    leave_member(member);
    problems += (problems.empty() ? "" : "; ") + settings_.urls[member] + ": " + reply.problem;
  }
  co_return Error{"etcd does not answer: " + problems};
}

Task<Result<RangeAnswer>> Client::range(RangeRequest request) {
  json message = message_of(request);
  Result<json> answer = co_await call("/v3/kv/range", std::move(message));
  if (!answer) co_return answer.error();
  co_return read_range(*answer);
}

Task<Result<RangeAnswer>> Client::range_in_pages(RangeRequest request, size_t page) {
  RangeAnswer out;
  request.limit = page;
  for (;;) {
    RangeRequest one = request;
    Result<RangeAnswer> answer = co_await range(std::move(one));
    if (!answer) co_return answer.error();
    // The first page decides of which revision the others are.
    if (out.revision == 0) out.revision = answer->revision;
    std::move(answer->items.begin(), answer->items.end(), std::back_inserter(out.items));
    if (!answer->more || out.items.empty()) co_return out;
    request.revision = out.revision;
    request.key = out.items.back().key + '\0';
  }
}

Task<Result<uint64_t>> Client::put(std::string key, std::string value, uint64_t lease) {
  if (key.size() + value.size() > kMaxRequestBytes) co_return too_large(key.size() + value.size());
  json message = {{"key", encode(key)}, {"value", encode(value)}};
  if (lease != 0) message["lease"] = std::to_string(lease);
  Result<json> answer = co_await call("/v3/kv/put", std::move(message));
  if (!answer) co_return answer.error();
  co_return number_at(member_at(*answer, "header"), "revision");
}

Task<Result<uint64_t>> Client::remove(std::string key) {
  json message = {{"key", encode(key)}};
  Result<json> answer = co_await call("/v3/kv/deleterange", std::move(message));
  if (!answer) co_return answer.error();
  co_return number_at(member_at(*answer, "header"), "revision");
}

Task<Result<TransactionAnswer>> Client::commit(Transaction transaction) {
  if (transaction.bytes() > kMaxRequestBytes) co_return too_large(transaction.bytes());
  json message = transaction.message();
  Result<json> answer = co_await call("/v3/kv/txn", std::move(message));
  if (!answer) co_return answer.error();
  co_return read_transaction(*answer);
}

Task<Result<uint64_t>> Client::grant_lease(std::chrono::seconds time_to_live) {
  json message = {{"TTL", std::to_string(time_to_live.count())}};
  Result<json> answer = co_await call("/v3/lease/grant", std::move(message));
  if (!answer) co_return answer.error();
  const uint64_t lease = number_at(*answer, "ID");
  if (lease == 0) co_return Error{"etcd grants no lease: " + text_at(*answer, "error")};
  co_return lease;
}

Task<Result<std::chrono::seconds>> Client::keep_lease_alive(uint64_t lease) {
  json message = {{"ID", std::to_string(lease)}};
  Result<json> answer = co_await call("/v3/lease/keepalive", std::move(message));
  if (!answer) co_return answer.error();
  // One message of a stream, which has a member for the message and one for its failure.
  const json& failure = member_at(*answer, "error");
  if (!failure.is_null()) co_return Error{"etcd: " + text_at(failure, "message")};
  co_return std::chrono::seconds(number_at(member_at(*answer, "result"), "TTL"));
}

Task<Status> Client::revoke_lease(uint64_t lease) {
  json message = {{"ID", std::to_string(lease)}};
  Result<json> answer = co_await call("/v3/lease/revoke", std::move(message));
  if (!answer && answer.error().message.find("lease not found") == std::string::npos)
    co_return answer.error();
  co_return Status();
}

Task<Result<Client::MemberStatus>> Client::status() {
  json message = json::object();
  Result<json> answer = co_await call("/v3/maintenance/status", std::move(message));
  if (!answer) co_return answer.error();
  co_return MemberStatus{.version = text_at(*answer, "version"),
                         .database_bytes = number_at(*answer, "dbSize"),
                         .has_leader = number_at(*answer, "leader") != 0};
}

Task<Result<uint64_t>> Client::probe(size_t member, std::string key) {
  json message = message_of({.key = std::move(key), .content = RangeRequest::Content::kKeysOnly});
  std::string body = json_text(message);
  const Reply reply = co_await ask(member, "/v3/kv/range", std::move(body));
  if (reply.kind == Reply::Kind::kAnswered) co_return read_range(reply.value).revision;
  co_return Error{settings_.urls[member] + ": " + advice(reply.problem)};
}

Task<std::string> Client::stream(size_t member, std::string path, json message,
                                 std::function<bool(std::string_view)> goes_on) {
  if (!settings_.username.empty() && token_.empty()) {
    const Reply in = co_await log_in(member);
    if (in.kind != Reply::Kind::kAnswered) co_return settings_.urls[member] + ": " + advice(in.problem);
  }
  client::HttpRequest asked = request(member, path, json_text(message));
  asked.timeout = kForever;
  asked.goes_on = std::move(goes_on);
  const client::HttpResponse response = co_await http_.fetch(std::move(asked));
  // When the token is over, the answer says so in a body, which the stream's reader has got.
  if (response.status == 401) forget_token();
  if (!response.error.empty()) co_return settings_.urls[member] + ": " + response.error;
  co_return settings_.urls[member] + ": the stream has ended";
}

}  // namespace portcullis::etcd

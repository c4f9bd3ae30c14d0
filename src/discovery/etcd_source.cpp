#include <nlohmann/json.hpp>

#include "base/faults.h"
#include "base/json_text.h"
#include "base/text.h"
#include "discovery/source.h"
#include "etcd/encoding.h"
#include "etcd/messages.h"

namespace portcullis::discovery {
namespace {

using nlohmann::json;

using etcd::encode;
using etcd::range_end;

// The keys below a prefix, through etcd's JSON gateway: read once, then watched. When something has changed,
// and at least every `kPatience`, all keys are read again.
class EtcdSource final : public Source {
 public:
  EtcdSource(Environment& environment, const config::Discover& told, OnTargets on_targets)
      : Source(environment, told.describe(), std::move(on_targets)), told_(told.etcd) {
    tasks_.spawn(run());
  }

 private:
  static constexpr Milliseconds kPatience{60'000};
  static constexpr Milliseconds kSettled{20};  // changes come in bursts; wait this long before reading

  client::HttpRequest request(const std::string& path, const json& body, Milliseconds timeout) const {
    client::HttpRequest out;
    out.method = "POST";
    out.url = told_.urls[member_ % told_.urls.size()] + path;
    out.body = json_text(body);
    out.fields.emplace_back("content-type", "application/json");
    if (!token_.empty()) out.fields.emplace_back("authorization", token_);
    use_tls(told_.tls, out);
    out.timeout = timeout;
    out.max_bytes = 64 << 20;
    return out;
  }

  json range() const {
    return {{"key", encode(told_.prefix)}, {"range_end", encode(range_end(told_.prefix))}};
  }

  // Logs in. Returns the reason on failure, otherwise "".
  Task<std::string> log_in() {
    token_.clear();
    client::HttpRequest asked =
        request("/v3/auth/authenticate", {{"name", told_.username}, {"password", told_.password}}, kAnswer);
    const client::HttpResponse answer = co_await environment().http.fetch(std::move(asked));
    if (!answer.error.empty()) co_return answer.error;
    const json told = json::parse(answer.body, nullptr, false);
    if (!answer.ok() || !told.is_object() || !told.contains("token") || !told["token"].is_string())
      co_return "it refuses the user `" + told_.username + "`";
    token_ = told["token"].get<std::string>();
    co_return std::string();
  }

  // Reads the keys. Returns the reason on failure, otherwise "".
  Task<std::string> read() {
    client::HttpRequest asked = request("/v3/kv/range", range(), kAnswer);
    const client::HttpResponse answer = co_await environment().http.fetch(std::move(asked));
    std::string problem = problem_of(answer);
    if (!problem.empty()) co_return problem;
    Result<Listing> listing = read_etcd(answer.body, environment().say);
    if (!listing) co_return listing.error().message;
    revision_ = listing->revision;
    publish(std::move(listing->targets));
    co_return std::string();
  }

  // Waits until something has changed, or until it is time to read anyway.
  Task<void> wait_for_change() {
    json create = range();
    create["start_revision"] = std::to_string(revision_ + 1);
    client::HttpRequest asked = request("/v3/watch", {{"create_request", std::move(create)}}, kPatience);
    // A watch's answer does not end; the wait ends with the first event.
    auto text = std::make_shared<std::string>();
    asked.goes_on = [text](std::string_view data) {
      *text += data;
      return text->size() < 1 << 20 && text->find("\"events\"") == std::string::npos &&
             text->find("\"canceled\"") == std::string::npos;
    };
    const client::HttpResponse answer = co_await environment().http.fetch(std::move(asked));
    const bool over = answer.timed_out || text->find("\"result\"") != std::string::npos;
    const Milliseconds pause = over ? kSettled : backoff_.next();
    co_await sleep_for(environment().loop, pause);
  }

  Task<void> run() {
    co_await sleep_for(environment().loop, Milliseconds(0));
    bool logged_in = told_.username.empty();
    for (;;) {
      std::string problem;
      if (!logged_in) problem = co_await log_in();
      if (problem.empty()) problem = co_await read();
      if (problem.empty()) {
        logged_in = true;
        backoff_.reset();
        co_await wait_for_change();
        continue;
      }
      fail(problem);
      logged_in = told_.username.empty();
      ++member_;
      const Milliseconds pause = backoff_.next();
      co_await sleep_for(environment().loop, pause);
    }
  }

  static constexpr Milliseconds kAnswer{5'000};

  config::Etcd told_;
  size_t member_ = 0;  // index of the cluster member that is asked
  std::string token_;
  uint64_t revision_ = 0;
  Backoff backoff_;
  TaskGroup tasks_;
};

}  // namespace

Result<Listing> read_etcd(const std::string& body, const Say& say) {
  Listing out;
  const json told = json::parse(body, nullptr, false);
  if (!told.is_object() || !told.contains("header") || !told["header"].is_object())
    return Error{"the answer is not in etcd's format"};
  const etcd::RangeAnswer keys = etcd::read_range(told);
  out.revision = keys.revision;
  for (const etcd::KeyValue& one : keys.items) {
    config::Diagnostics diagnostics;
    config::Target target = config::load_target(one.value, one.key, diagnostics);
    if (!diagnostics.has_errors()) {
      out.targets.push_back(std::move(target));
      continue;
    }
    count_fault(Fault::kDiscovery);
    for (const config::Diagnostic& wrong : diagnostics.sorted())
      say(Level::kWarning, "discovery, etcd: a target is skipped: " + wrong.to_string());
  }
  return out;
}

std::unique_ptr<Source> make_etcd_source(Environment& environment, const config::Discover& told,
                                         Source::OnTargets on_targets) {
  return std::make_unique<EtcdSource>(environment, told, std::move(on_targets));
}

}  // namespace portcullis::discovery

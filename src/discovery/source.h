#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/say.h"
#include "client/backoff.h"
#include "client/http_client.h"
#include "config/discovery.h"
#include "config/upstream.h"
#include "runtime/resolver.h"

namespace portcullis::discovery {

// The services that sources use. On the control thread's loop, like the sources; must outlive them.
struct Environment {
  EventLoop& loop;
  client::HttpClient& http;
  std::function<Resolver*()> resolver;  // may return null when names cannot be resolved
  std::function<Milliseconds(std::chrono::seconds)>
      pause_after;  // pause for a TTL, within the configured bounds
  Say say;
  // Called when a source has been asked for the first time, well or not. It must not call the source, which
  // may not have been made completely.
  std::function<void()> on_answered{};
};

// Keeps a list of targets current. Each kind of source is a class with a line in make_source().
class Source {
 public:
  using Targets = std::vector<config::Target>;
  // Called with the whole list whenever it may have changed.
  using OnTargets = std::function<void(Targets)>;

  virtual ~Source() = default;
  // True once the source has answered or failed for the first time.
  bool answered() const { return answered_; }

 protected:
  Source(Environment& environment, std::string name, OnTargets on_targets)
      : environment_(environment), name_(std::move(name)), on_targets_(std::move(on_targets)) {}

  // publish() sets the whole list; fail() records why there is none, and the last list stays. A reason is
  // logged once until it changes.
  void publish(Targets targets);
  void fail(const std::string& why);
  Environment& environment() { return environment_; }

 private:
  void note_answered();

  Environment& environment_;
  const std::string name_;  // for messages
  OnTargets on_targets_;
  bool answered_ = false;
  bool has_list_ = false;
  std::string last_error_;
};

using client::Backoff;

std::unique_ptr<Source> make_source(Environment& environment, const config::Discover& told,
                                    Source::OnTargets on_targets);

std::unique_ptr<Source> make_file_source(Environment& environment, const config::Discover& told,
                                         Source::OnTargets on_targets);
std::unique_ptr<Source> make_srv_source(Environment& environment, const config::Discover& told,
                                        Source::OnTargets on_targets);
std::unique_ptr<Source> make_consul_source(Environment& environment, const config::Discover& told,
                                           Source::OnTargets on_targets);
std::unique_ptr<Source> make_etcd_source(Environment& environment, const config::Discover& told,
                                         Source::OnTargets on_targets);

void use_tls(const config::SourceTls& told, client::HttpRequest& request);
// Why the answer is unusable, or "".
std::string problem_of(const client::HttpResponse& answer);

// The content of a server's answer.
struct Listing {
  Source::Targets targets{};
  uint64_t revision = 0;  // of etcd's keys
};
// Parses an answer of Consul's health endpoint, or of etcd's key range; the error says what is wrong with the
// answer. Invalid targets are skipped and reported to `say`.
Result<Listing> read_consul(const std::string& body, const Say& say);
Result<Listing> read_etcd(const std::string& body, const Say& say);

}  // namespace portcullis::discovery

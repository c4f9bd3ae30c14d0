#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/say.h"
#include "client/http_client.h"
#include "config/discovery.h"
#include "config/upstream.h"
#include "runtime/resolver.h"

namespace portcullis::discovery {

// What sources need. Lives on the control thread's loop, as they do, and longer.
struct Environment {
  EventLoop& loop;
  client::HttpClient& http;
  std::function<Resolver*()> resolver;  // may give null, when there is no way to ask
  std::function<Milliseconds(std::chrono::seconds)> pause_after;  // a time to live, within its bounds
  Say say;
  // Called when a source has been asked for the first time, well or not. It must not call the source, which
  // may not have been made completely.
  std::function<void()> on_answered{};
};

// Keeps a list of targets current. Another kind of list is another class with a line in make_source().
class Source {
 public:
  using Targets = std::vector<config::Target>;
  // Called with the whole list, whenever it may have changed.
  using OnTargets = std::function<void(Targets)>;

  virtual ~Source() = default;
  // It has been asked once, well or not.
  bool answered() const { return answered_; }

 protected:
  Source(Environment& environment, std::string name, OnTargets on_targets)
      : environment_(environment), name_(std::move(name)), on_targets_(std::move(on_targets)) {}

  // A whole list, or why there is none: then the last one stays. A reason is told once, until it changes.
  void publish(Targets targets);
  void fail(const std::string& why);
  Environment& environment() { return environment_; }

 private:
  void note_answered();

  Environment& environment_;
  const std::string name_;  // for people
  OnTargets on_targets_;
  bool answered_ = false;
  bool has_list_ = false;
  std::string last_error_;
};

// The pauses after failures: longer each time, and never the same for all.
class Backoff {
 public:
  Milliseconds next();
  void reset() { failures_ = 0; }

 private:
  unsigned failures_ = 0;
};

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
// Why an answer is none, or "".
std::string problem_of(const client::HttpResponse& answer);

// What a server's answer has.
struct Listing {
  Source::Targets targets{};
  uint64_t revision = 0;  // of etcd's keys
};
// An answer of Consul's health endpoint, or of etcd's range of keys; the error says what is wrong with it.
// Targets that are wrong are left out and named by `say`.
Result<Listing> read_consul(const std::string& body, const Say& say);
Result<Listing> read_etcd(const std::string& body, const Say& say);

}  // namespace portcullis::discovery

#pragma once

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/model.h"
#include "runtime/event_loop.h"
#include "runtime/task.h"

namespace portcullis::proxy {
struct Snapshot;
class Worker;
}  // namespace portcullis::proxy

namespace portcullis::control {

// The request that is to be explained.
struct Question {
  std::string method;
  std::string url;                   // a URL with scheme and host, or only a path
  std::vector<std::string> headers;  // "Name: value"
  std::string body{};
  std::string client{};    // the address of the client; empty when 127.0.0.1 is assumed
  std::string listener{};  // the name of the listener; empty for the one that suits the URL
  // the certificate of the client with its chain, in PEM; empty when the client has none
  std::string certificate{};
  std::vector<std::string> assumed{};  // descriptions of what is assumed because the question does not say it
};

// The present snapshot, and the configuration that it was compiled from.
struct Served {
  std::shared_ptr<const proxy::Snapshot> snapshot;
  const config::Config& config;
};

// Explains how the running gateway would handle a request: an exchange runs the request and stops where a
// target would be asked (proxy/rehearsal.h). The exchange uses the keys, counters and caches of the gateway,
// and asks the services that decide. Nothing is charged, stored or counted.
//
// In the returned document, `answer` is the response to the client, `outcome` the result of routing
// ("matched", "no_route", "method_not_allowed", or "not_routed" when routing is not reached), and `policies`,
// `upstream` and `others` give the reasons. docs/dashboard.md describes the document. Returns an error when
// the question cannot be put as a request. Control thread; `worker` and `served` outlive the task.
Task<Result<nlohmann::json>> explain(EventLoop& loop, proxy::Worker& worker, std::function<Served()> served,
                                     Question question);

// Reads the line of a curl command, split into words as a shell splits them, so that a command can be pasted.
// Options that do not affect the request are ignored; an error names an option that is not supported.
Result<Question> read_curl_line(std::string_view line);

}  // namespace portcullis::control

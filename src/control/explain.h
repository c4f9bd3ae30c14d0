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

// The request asked about.
struct Question {
  std::string method;
  std::string url;                   // with scheme and host, or a path alone
  std::vector<std::string> headers;  // "Name: value"
  std::string body{};
  std::string client{};       // the address of the connection's other end; empty: 127.0.0.1 is assumed
  std::string listener{};     // its name; empty: the one that suits the URL
  std::string certificate{};  // the client's, PEM, with those that lead to its authority; empty: none
  std::vector<std::string> assumed{};  // what the question does not say, and is taken to be so
};

// What a gateway serves. The configuration is the one that the snapshot was compiled from.
struct Served {
  std::shared_ptr<const proxy::Snapshot> snapshot;
  const config::Config& config;
};

// What would become of a request, in the words of the running gateway: one of its exchanges takes it and
// stops where a target would be asked (proxy/rehearsal.h). Keys, counters, caches and memories are those of
// the gateway; services that decide are asked. Nothing is charged, remembered or counted.
//
// The document: `answer` is what the client would get, `outcome` what the routes say ("matched", "no_route",
// "method_not_allowed", or "not_routed" when they are not asked), `policies`, `upstream` and `others` say
// why. docs/dashboard.md has all of it. An error: the question cannot be put as a request. Control thread;
// `worker` and `served` outlive the task.
Task<Result<nlohmann::json>> explain(EventLoop& loop, proxy::Worker& worker, std::function<Served()> served,
                                     Question question);

// What the words of a curl command ask for, as a shell would split them: so that what was tried can be
// pasted. Options that have nothing to do with the request are passed over; an error names what is not
// understood.
Result<Question> read_curl_line(std::string_view line);

}  // namespace portcullis::control

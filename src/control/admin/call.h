#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/admin.h"
#include "control/admin/caller.h"
#include "control/author.h"
#include "control/http_connection.h"
#include "runtime/task.h"

namespace portcullis::control {

class AdminGuard;
class EventHub;
class LiveFeed;
class Operations;

namespace media_type {
inline constexpr const char* kJson = "application/json";
inline constexpr const char* kProblem = "application/problem+json";
inline constexpr const char* kText = "text/plain";
inline constexpr const char* kEvents = "text/event-stream";
}  // namespace media_type

// The objects that handlers of calls use. Control thread.
struct AdminWorld {
  Operations& operations;
  LiveFeed& feed;
  EventHub& events;
  AdminGuard& guard;
};

// A request for one call, after the checks that all calls share (call_check.h). Lives until the answer has
// been made.
struct CallRequest {
  const ServerRequest& http;
  // The values of the variables of the call's path, decoded, with their names.
  const std::vector<std::pair<std::string_view, std::string>>& variables;
  const Caller& caller;
  const Author& author;
  // Called before each event of a stream; false ends the stream.
  const std::function<bool()>& may_stream;

  // The value of a variable of the path; empty when the path has no such variable.
  std::string variable(std::string_view name) const;
  // The decoded value of the first query parameter of this name.
  std::optional<std::string> parameter(std::string_view name) const;
  // The decoded values of all query parameters of this name.
  std::vector<std::string> all_parameters(std::string_view name) const;
  // The value of a header field; empty when there is none.
  std::string_view field(std::string_view name) const;
};

// A call of the admin API. All descriptions of the API (OpenAPI, docs/admin-api.md) and the dispatcher use
// the same objects, so they agree.
struct Call {
  using Handler = std::function<Task<ServerAnswer>(const AdminWorld&, const CallRequest&)>;

  // A variable of the path, or a query parameter.
  struct Parameter {
    std::string name;
    std::string summary;  // a sentence
    nlohmann::json schema = {{"type", "string"}};
  };
  struct Body {
    std::vector<std::string> media_types;  // `*/*`: any
    nlohmann::json schema;
    uint64_t max_bytes = kSmallBody;
    bool required = true;
  };
  struct Answer {
    uint16_t status = 200;
    std::string summary;       // a sentence
    std::string media_type{};  // empty: no body
    nlohmann::json schema{};   // of the body
  };
  enum class Effect {
    kReads,
    kWrites,  // takes `Portcullis-Message`; the handler writes to the audit log
  };

  std::string method;         // GET also answers HEAD
  std::string path;           // a template, such as /v1/upstreams/{upstream}/targets/{address}/drain
  std::string id;             // the name of the call in OpenAPI (operationId)
  std::string group;          // the chapter of the reference
  std::string summary;        // without a full stop
  std::string description{};  // sentences
  // The role that the caller needs; nothing: the call is open to all.
  std::optional<config::AdminRole> role = config::AdminRole::kViewer;
  std::vector<Parameter> variables{};   // one for each variable of the path
  std::vector<Parameter> parameters{};  // of the query
  std::optional<Body> body{};           // nothing: the call takes no body
  std::vector<Answer> answers{};        // those of this call alone; all calls have further errors
  Effect effect = Effect::kReads;
  Handler handle{};

  static constexpr uint64_t kSmallBody = 64 << 10;
  static constexpr uint64_t kDocumentBody = 64 << 20;  // of calls that take parts of the configuration
};

// The handler that answers without waiting.
Call::Handler at_once(std::function<ServerAnswer(const AdminWorld&, const CallRequest&)> answer);

// An answer with a JSON document.
ServerAnswer json_answer(const nlohmann::json& document, uint16_t status = 200);

}  // namespace portcullis::control

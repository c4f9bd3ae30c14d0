#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>

#include "cli/admin_client.h"
#include "cli/output.h"

namespace portcullis::cli {

class AppliedFiles;

// One call of the admin API.
struct ServerCall {
  std::string method = "GET";
  std::string path;    // with its query
  std::string body{};  // JSON; empty: none
  std::string accept = "application/json";
  std::string message{};  // why a change is made; empty: not said
};

struct ServerAnswer {
  long status = 0;
  std::string text;           // the body
  nlohmann::json document{};  // the body as JSON; discarded when it is not JSON
  uint64_t revision = 0;      // the one in force

  bool good() const { return status >= 200 && status < 300; }
  // A member of the document that is a text or a number; `otherwise` when there is none.
  template <typename Value>
  Value member(const char* name, Value otherwise) const {
    const bool has = document.is_object() && document.contains(name) && !document[name].is_null();
    return has ? document[name].get<Value>() : otherwise;
  }
};

// A running gateway whose objects a command reads or changes, by the admin API. Blocks.
class Server {
 public:
  // Nothing when the choice names no gateway, or its credentials cannot be read; `failure` says why.
  static std::optional<Server> find(const AdminChoice& choice, Failure& failure);

  // Nothing when there is no answer. An answer that refuses the call is one.
  std::optional<ServerAnswer> ask(const ServerCall& call, Failure& failure);

 private:
  explicit Server(AdminClient client) : client_(std::move(client)) {}

  AdminClient client_;
};

// The option --message of commands that change something, and its value as a header field carries it.
Option message_option(std::string& message);
// Why `message` cannot be sent; empty when it can.
std::string refuse_message(const std::string& message);

// Prints why the gateway has refused a call: what it says about the objects that were sent, with the places
// in `files` (null: no files were sent), as `check` prints mistakes. Returns the exit code: kWrong for
// objects that are wrong or do not fit, else kCouldNot.
int print_refusal(const std::string& command, const ServerAnswer& answer, OutputFormat format,
                  const AppliedFiles* files = nullptr);

// The diagnostics of an answer, with `file`, `line` and `column` where the place in `files` is known. Prints
// them, too, unless the format is JSON. `errors` is the number of those that are errors.
nlohmann::json tell_diagnostics(const nlohmann::json& diagnostics, OutputFormat format,
                                const AppliedFiles* files, size_t& errors);

}  // namespace portcullis::cli

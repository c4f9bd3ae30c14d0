#pragma once

#include <google/protobuf/util/json_util.h>

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/enum_names.h"
#include "policy/grpc_transcoding/service_api.h"

namespace portcullis::policy::grpc_transcoding {

// How a stream of messages is told.
enum class StreamForm { kArray, kLines, kEvents };
constexpr auto names_of(StreamForm) {
  return std::to_array<EnumName<StreamForm>>(
      {{StreamForm::kArray, "array"}, {StreamForm::kEvents, "events"}, {StreamForm::kLines, "lines"}});
}

struct JsonForm {
  google::protobuf::util::JsonPrintOptions print;
  StreamForm stream = StreamForm::kArray;
  size_t most = 0;  // bytes of a message
};

// What has become of some messages of a response.
struct Printed {
  enum class Outcome : uint8_t {
    kDone,
    kMalformed,  // one of them is no message of its type
    kTooLarge,   // the JSON of one of them would be too large
    kStopped,    // it is not wanted any more
  };
  Outcome outcome = Outcome::kDone;
  std::string text{};
  std::string content_type{};  // that the first message tells (google.api.HttpBody); empty: none
};

// A call's error, as its service tells it.
struct CallStatus {
  uint32_t code = 0;
  std::string message{};
  std::string details{};  // a serialised google.rpc.Status, where the service says more
};

// Makes JSON of what one method returns. Immutable, and a copy is cheap: each piece of work has its own, so
// any thread may do it, however long the exchange and its configuration live.
class JsonPrinter {
 public:
  JsonPrinter(std::shared_ptr<const ServiceApi> api, const HttpBinding& binding, const JsonForm& form)
      : api_(std::move(api)), binding_(&binding), form_(form) {}

  const JsonForm& form() const { return form_; }
  // It returns a stream of messages.
  bool streams() const { return binding_->method->server_streaming(); }
  // Its messages are google.api.HttpBody: bodies as they are.
  bool is_raw() const { return is_http_body(*binding_->method->output_type()); }

  // `messages`: whole ones, each behind its prefix, of which `before` others have been printed. Looks at
  // `stop` between messages.
  Printed print(std::string_view messages, size_t before, const std::stop_token& stop) const;
  // A call's error, in place of a message.
  Printed print_error(const CallStatus& status) const;

 private:
  Printed::Outcome add_framed(std::string_view message, size_t before, std::string& out) const;
  Printed::Outcome add_json(std::string_view message, std::string& out) const;
  Printed::Outcome add_any(const google::protobuf::Descriptor& type, std::string_view message,
                           std::string& out) const;
  Printed::Outcome add_raw(std::string_view message, size_t before, Printed& out) const;
  std::string selected(const std::string& text) const;

  std::shared_ptr<const ServiceApi> api_;
  const HttpBinding* binding_;
  JsonForm form_;
};

}  // namespace portcullis::policy::grpc_transcoding

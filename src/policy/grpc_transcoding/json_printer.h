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

// The form of a stream of messages in JSON.
enum class StreamForm { kArray, kLines, kEvents };
constexpr auto names_of(StreamForm) {
  return std::to_array<EnumName<StreamForm>>(
      {{StreamForm::kArray, "array"}, {StreamForm::kEvents, "events"}, {StreamForm::kLines, "lines"}});
}

struct JsonForm {
  google::protobuf::util::JsonPrintOptions print;
  StreamForm stream = StreamForm::kArray;
  size_t max = 0;  // the max bytes of a message
};

// The result of converting some messages of a response.
struct Printed {
  enum class Outcome : uint8_t {
    kDone,
    kMalformed,  // one of the messages is not a valid message of its type
    kTooLarge,   // the JSON of one of the messages would be too large
    kStopped,    // the caller has requested the end of the work
  };
  Outcome outcome = Outcome::kDone;
  std::string text{};
  // The content type in the first message (google.api.HttpBody); empty when there is none.
  std::string content_type{};
};

// The error of a call, as sent by the service.
struct CallStatus {
  uint32_t code = 0;
  std::string message{};
  std::string details{};  // a serialised google.rpc.Status; empty when the service sends none
};

// Converts the messages that one method returns to JSON. Immutable and cheap to copy: each job has its own
// copy, so the job may run on any thread and may outlive the exchange and its configuration.
class JsonPrinter {
 public:
  JsonPrinter(std::shared_ptr<const ServiceApi> api, const HttpBinding& binding, const JsonForm& form)
      : api_(std::move(api)), binding_(&binding), form_(form) {}

  const JsonForm& form() const { return form_; }
  // True when the method returns a stream of messages.
  bool streams() const { return binding_->method->server_streaming(); }
  // True when the messages are of the type google.api.HttpBody, whose data is sent unchanged.
  bool is_raw() const { return is_http_body(*binding_->method->output_type()); }

  // `messages` are whole messages, each behind its gRPC prefix; `before` messages of the response have been
  // printed before them. Checks `stop` between messages.
  Printed print(std::string_view messages, size_t before, const std::stop_token& stop) const;
  // Prints the error of a call in place of a message.
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

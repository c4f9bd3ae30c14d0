#pragma once

#include <google/protobuf/util/json_util.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "policy/grpc_transcoding/service_api.h"
#include "policy/response_converter.h"

namespace portcullis::policy::grpc_transcoding {

// How a stream of messages is told.
enum class StreamForm { kArray, kLines, kEvents };

struct JsonForm {
  google::protobuf::util::JsonPrintOptions print;
  StreamForm stream = StreamForm::kArray;
  size_t most = 0;  // bytes of a message
};

// Makes JSON of a call's messages, and an HTTP status of the call's. What it refers to outlives it.
class JsonResponse final : public ResponseConverter {
 public:
  JsonResponse(std::shared_ptr<const ServiceApi> api, const HttpBinding& binding, const JsonForm& form,
               http::ResponseHead& response, Arena& arena);

  Way begin(http::ResponseHead& response) override;
  size_t limit() const override { return form_.most; }
  bool convert(std::string_view data, std::string& out) override;
  bool finish(std::string_view trailers, std::string& out) override;
  std::string_view failure() const override { return failure_; }

 private:
  struct StatusFields {
    std::string_view status, message, details;  // as they came
  };
  void read_status(const StatusFields& fields);
  bool add_message(std::string_view bytes, std::string& out);
  bool add_json(std::string_view bytes, std::string& out) const;
  bool add_raw(std::string_view bytes, std::string& out);
  std::string selected(const std::string& text) const;
  std::string error() const;
  void set_type(std::string_view type);
  bool is_raw() const;

  std::shared_ptr<const ServiceApi> api_;
  const HttpBinding& binding_;
  const JsonForm& form_;
  http::ResponseHead& response_;
  Arena& arena_;
  std::string pending_;  // of a message that has not come whole
  size_t messages_ = 0;
  uint32_t status_ = 0;
  bool told_ = false;  // by the head, or in the end
  std::string_view failure_ = "upstream_malformed";
  std::string message_;
  std::string details_;  // a google.rpc.Status, where the service says more
};

}  // namespace portcullis::policy::grpc_transcoding

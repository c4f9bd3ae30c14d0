#pragma once

#include <string>
#include <string_view>

#include "base/arena.h"
#include "policy/grpc_transcoding/json_printer.h"
#include "policy/response_converter.h"
#include "runtime/side_pool.h"

namespace portcullis::policy::grpc_transcoding {

// Converts the messages of a call to JSON, and the status of the call to an HTTP status. A few bytes are
// converted at once; more bytes are converted on `pool`, one job at a time. All references outlive this
// object.
class JsonResponse final : public ResponseConverter {
 public:
  JsonResponse(JsonPrinter printer, http::ResponseHead& response, Arena& arena, EventLoop& loop,
               SidePool& pool);

  Way begin(http::ResponseHead& response) override;
  size_t limit() const override { return printer_.form().most; }
  Step convert(std::string_view data, std::string& out) override;
  Step finish(std::string_view trailers, std::string& out) override;
  Task<Step> proceed(std::string& out) override;
  // A status that comes after the message takes the message's place.
  bool waits_for_all() const override { return is_whole_; }
  void give_up() override;
  const EndReason& failure() const override { return *failure_; }

 private:
  using Job = PoolJob<Printed>;
  class Waiting;
  struct StatusFields {
    std::string_view status, message, details;  // the values as received
  };
  void read_status(const StatusFields& fields);
  Step tell_error(std::string_view before, std::string_view after, std::string& out);
  Step take(Printed made, std::string& out);
  void set_type(std::string_view type);

  JsonPrinter printer_;
  http::ResponseHead& response_;
  Arena& arena_;
  EventLoop& loop_;
  SidePool& pool_;
  std::string pending_;  // received bytes of messages that have not been converted
  size_t messages_ = 0;
  bool begun_ = false;     // a part of the body has been written
  bool is_whole_ = false;  // the response is one JSON document, made at the end
  CallStatus status_;
  bool told_ = false;  // the service has sent a gRPC status, in the head or in the trailers
  const EndReason* failure_ = &kEnds.upstream_malformed;
  Job::Work work_;      // the job that proceed() submits
  Job* job_ = nullptr;  // the running job; null unless proceed() waits for it
  bool given_up_ = false;
};

}  // namespace portcullis::policy::grpc_transcoding

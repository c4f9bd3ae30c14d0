#pragma once

#include <string>
#include <string_view>

#include "base/arena.h"
#include "http/message.h"
#include "policy/body_converter.h"
#include "policy/grpc_transcoding/json_printer.h"
#include "runtime/side_pool.h"

namespace portcullis::policy::grpc_transcoding {

// Converts the messages of a call to JSON, and the status of the call to an HTTP status. A few bytes are
// converted at once; more bytes are converted on `pool`, one job at a time. All references outlive this
// object, but those to the head and to the arena only until detach().
class JsonResponse final : public BodyConverter {
 public:
  // How the response is made.
  enum class Way : uint8_t {
    kPass,    // it is not the response of a gRPC service, and stays as it is
    kStream,  // piece by piece; the head is sent with the first converted bytes, on which it depends
    kWhole,   // at the end of the body, because the head depends on the whole of it
  };

  JsonResponse(JsonPrinter printer, http::ResponseHead& response, Arena& arena, EventLoop& loop,
               SidePool& pool);

  // Changes the head of the response as far as it does not depend on the body. Called once, before convert().
  Way begin();
  Step convert(std::string_view data, std::string& out) override;
  Step finish(std::string_view trailers, std::string& out) override;
  Task<Step> proceed(std::string& out) override;
  // A status that comes after the message takes the message's place.
  bool waits_for_all() const override { return is_whole_; }
  void give_up() override;
  void detach() override { response_ = nullptr; }
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
  http::ResponseHead* response_;  // null after detach(): the head has been sent
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

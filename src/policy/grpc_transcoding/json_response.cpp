#include "policy/grpc_transcoding/json_response.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "crypto/encoding.h"
#include "http/grpc.h"
#include "http/query.h"
#include "policy/grpc_transcoding/conversion.h"
#include "policy/grpc_transcoding/reasons.h"

namespace portcullis::policy::grpc_transcoding {

namespace {

constexpr uint32_t kOk = 0, kUnknown = 2, kInternal = 13;

std::string_view type_of(StreamForm form) {
  switch (form) {
    case StreamForm::kArray: return "application/json";
    case StreamForm::kLines: return "application/x-ndjson";
    case StreamForm::kEvents: return "text/event-stream";
  }
  return {};
}

// Decodes binary metadata, which may come without base64 padding.
std::optional<std::string> decode_metadata(std::string_view text) {
  std::string padded(text);
  while (padded.size() % 4 != 0) padded += '=';
  return crypto::base64_decode(padded, crypto::Base64::kStandard);
}

}  // namespace

JsonResponse::JsonResponse(JsonPrinter printer, http::ResponseHead& response, Arena& arena, EventLoop& loop,
                           SidePool& pool)
    : printer_(std::move(printer)), response_(&response), arena_(arena), loop_(loop), pool_(pool) {}

void JsonResponse::set_type(std::string_view type) {
  if (response_ != nullptr) response_->fields.set("content-type", type);
}

void JsonResponse::read_status(const StatusFields& fields) {
  told_ = !fields.status.empty();
  const auto code = parse_decimal(fields.status);
  status_.code = code ? static_cast<uint32_t>(std::min<uint64_t>(*code, UINT32_MAX)) : kUnknown;
  status_.message = http::percent_decode(fields.message);
  status_.details = decode_metadata(fields.details).value_or("");
}

JsonResponse::Way JsonResponse::begin() {
  http::Fields& fields = response_->fields;
  // The response does not come from the gRPC service but from a server before it.
  if (response_->status != 200 || http::grpc_form(fields.value_of("content-type")) != http::GrpcForm::kGrpc)
    return Way::kPass;
  read_status({fields.value_of("grpc-status"), fields.value_of("grpc-message"),
               fields.value_of("grpc-status-details-bin")});
  for (const std::string_view name :
       {"grpc-status", "grpc-message", "grpc-status-details-bin", "grpc-encoding", "grpc-accept-encoding"})
    fields.remove(name);
  const bool streams = printer_.streams() && !told_;
  set_type(streams ? type_of(printer_.form().stream) : "application/json");
  is_whole_ = !streams;
  return streams ? Way::kStream : Way::kWhole;
}

BodyConverter::Step JsonResponse::convert(std::string_view data, std::string& out) {
  pending_ += data;
  size_t whole = 0;  // bytes of the messages that are complete
  size_t count = 0;
  for (std::string_view rest = pending_; rest.size() >= http::kGrpcPrefix; ++count) {
    const size_t size = http::grpc_size(rest);
    // The gateway accepts no compressed messages, so the service must not send any.
    if (size > printer_.form().max || rest[0] != 0) return Step::kFailed;
    if (rest.size() < http::kGrpcPrefix + size) break;
    rest.remove_prefix(http::kGrpcPrefix + size);
    whole += http::kGrpcPrefix + size;
  }
  if (count == 0) return Step::kDone;
  const size_t before = std::exchange(messages_, messages_ + count);
  if (messages_ > 1 && !printer_.streams()) return Step::kFailed;
  if (whole <= kMaxConvertedHere) {
    const Step step = take(printer_.print(std::string_view(pending_).substr(0, whole), before, {}), out);
    pending_.erase(0, whole);
    return step;
  }
  // The complete messages are converted; the beginning of the next message stays in `pending_`.
  std::string rest = pending_.substr(whole);
  pending_.resize(whole);
  work_ = [printer = printer_, messages = std::exchange(pending_, std::move(rest)),
           before](const std::stop_token& stop) { return printer.print(messages, before, stop); };
  return Step::kLater;
}

// Registers a job in `job_` while proceed() waits for it, so that give_up() can end the wait.
class JsonResponse::Waiting {
 public:
  Waiting(JsonResponse& owner, Job& job) : owner_(owner) { owner.job_ = &job; }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() { owner_.job_ = nullptr; }

 private:
  JsonResponse& owner_;
};

Task<BodyConverter::Step> JsonResponse::proceed(std::string& out) {
  if (given_up_) co_return Step::kGivenUp;
  Job job(pool_, loop_);
  // A response that has begun is always admitted to the pool, so that a full pool does not break it off.
  const SidePool::Room room = begun_ ? SidePool::Room::kKept : SidePool::Room::kLimited;
  if (!job.submit(std::exchange(work_, nullptr), room)) {
    failure_ = &kReasons.transcoding_overloaded;
    co_return Step::kOverloaded;
  }
  const Waiting waiting(*this, job);
  std::optional<Printed> made = co_await job;
  if (!made) co_return Step::kGivenUp;
  co_return take(std::move(*made), out);
}

void JsonResponse::give_up() {
  given_up_ = true;
  if (job_ != nullptr) job_->give_up();
}

BodyConverter::Step JsonResponse::take(Printed made, std::string& out) {
  switch (made.outcome) {
    case Printed::Outcome::kDone: break;
    case Printed::Outcome::kMalformed: return Step::kFailed;
    case Printed::Outcome::kTooLarge: failure_ = &kEnds.response_too_large; return Step::kFailed;
    case Printed::Outcome::kStopped: return Step::kGivenUp;
  }
  if (!made.content_type.empty() && response_ != nullptr) set_type(arena_.copy(made.content_type));
  begun_ = true;
  if (out.empty()) {
    out = std::move(made.text);
  } else {
    out += made.text;
  }
  return Step::kDone;
}

// Writes the error of the call between the texts `before` and `after`.
BodyConverter::Step JsonResponse::tell_error(std::string_view before, std::string_view after,
                                             std::string& out) {
  const size_t size = status_.message.size() + status_.details.size();
  Job::Work work = [printer = printer_, status = std::move(status_), head = std::string(before),
                    tail = std::string(after)](const std::stop_token&) {
    Printed error = printer.print_error(status);
    error.text = head + error.text + tail;
    return error;
  };
  if (size <= kMaxConvertedHere) return take(work({}), out);
  work_ = std::move(work);
  return Step::kLater;
}

BodyConverter::Step JsonResponse::finish(std::string_view trailers, std::string& out) {
  if (!pending_.empty()) return Step::kFailed;
  if (!told_) {
    read_status({http::find_in_lines(trailers, "grpc-status"), http::find_in_lines(trailers, "grpc-message"),
                 http::find_in_lines(trailers, "grpc-status-details-bin")});
    if (!told_) status_.message = "the service sent no status";
  }
  const bool streams = printer_.streams();
  const StreamForm form = printer_.form().stream;
  if (status_.code == kOk && !streams && messages_ == 0) {
    status_.code = kInternal;
    status_.message = "the service sent no message";
  }
  if (status_.code == kOk) {
    if (streams && !printer_.is_raw() && form == StreamForm::kArray) out += messages_ == 0 ? "[]" : "]";
    return Step::kDone;
  }
  if (streams && messages_ > 0) {
    // The head has already been sent with a status of success, so the failure can only be shown by breaking
    // off the transfer.
    failure_ = &kReasons.grpc_stream_failed;
    if (printer_.is_raw() || form != StreamForm::kEvents) return Step::kFailed;
    return tell_error("event: error\ndata: ", "\n\n", out);
  }
  out.clear();
  if (response_ != nullptr) {
    response_->status = http::http_status_for(status_.code);
    response_->reason = http::reason_phrase(response_->status);
  }
  set_type("application/json");
  return tell_error("", "", out);
}

}  // namespace portcullis::policy::grpc_transcoding

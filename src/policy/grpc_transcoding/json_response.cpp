#include "policy/grpc_transcoding/json_response.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "crypto/encoding.h"
#include "http/characters.h"
#include "http/grpc.h"
#include "http/query.h"
#include "policy/grpc_transcoding/json_text.h"
#include "policy/grpc_transcoding/wire_fields.h"

namespace portcullis::policy::grpc_transcoding {

namespace pb = google::protobuf;
using nlohmann::json;

namespace {

constexpr uint32_t kOk = 0, kUnknown = 2, kInternal = 13;

enum HttpBodyField { kContentType = 1, kData = 2 };

std::string_view type_of(StreamForm form) {
  switch (form) {
    case StreamForm::kArray: return "application/json";
    case StreamForm::kLines: return "application/x-ndjson";
    case StreamForm::kEvents: return "text/event-stream";
  }
  return {};
}

// Binary metadata may come without its padding.
std::optional<std::string> decode_metadata(std::string_view text) {
  std::string padded(text);
  while (padded.size() % 4 != 0) padded += '=';
  return crypto::base64_decode(padded, crypto::Base64::kStandard);
}

}  // namespace

JsonResponse::JsonResponse(std::shared_ptr<const ServiceApi> api, const HttpBinding& binding,
                           const JsonForm& form, http::ResponseHead& response, Arena& arena)
    : api_(std::move(api)), binding_(binding), form_(form), response_(response), arena_(arena) {}

bool JsonResponse::is_raw() const {
  return is_http_body(*binding_.method->output_type());
}

void JsonResponse::set_type(std::string_view type) {
  response_.fields.set("content-type", type);
}

void JsonResponse::read_status(const StatusFields& fields) {
  told_ = !fields.status.empty();
  const auto code = parse_decimal(fields.status);
  status_ = code ? static_cast<uint32_t>(std::min<uint64_t>(*code, UINT32_MAX)) : kUnknown;
  message_ = http::percent_decode(fields.message);
  details_ = decode_metadata(fields.details).value_or("");
}

ResponseConverter::Way JsonResponse::begin(http::ResponseHead& response) {
  pending_.clear();
  messages_ = 0;
  http::Fields& fields = response.fields;
  // Something before the service has answered.
  if (response.status != 200 || http::grpc_form(fields.value_of("content-type")) != http::GrpcForm::kGrpc)
    return Way::kPass;
  read_status({fields.value_of("grpc-status"), fields.value_of("grpc-message"),
               fields.value_of("grpc-status-details-bin")});
  for (const std::string_view name :
       {"grpc-status", "grpc-message", "grpc-status-details-bin", "grpc-encoding", "grpc-accept-encoding"})
    fields.remove(name);
  const bool streams = binding_.method->server_streaming() && !told_;
  set_type(streams ? type_of(form_.stream) : "application/json");
  return streams ? Way::kFirst : Way::kWhole;
}

bool JsonResponse::convert(std::string_view data, std::string& out) {
  pending_ += data;
  std::string_view rest = pending_;
  bool good = true;
  while (good && rest.size() >= http::kGrpcPrefix) {
    const size_t size = http::grpc_size(rest);
    // What a gateway does not ask for is not compressed either.
    if (size > form_.most || rest[0] != 0) return false;
    if (rest.size() < http::kGrpcPrefix + size) break;
    good = add_message(rest.substr(http::kGrpcPrefix, size), out);
    rest.remove_prefix(http::kGrpcPrefix + size);
  }
  pending_.erase(0, pending_.size() - rest.size());
  return good;
}

bool JsonResponse::add_message(std::string_view bytes, std::string& out) {
  const bool first = messages_++ == 0;
  if (!binding_.method->server_streaming())
    return first && (is_raw() ? add_raw(bytes, out) : add_json(bytes, out));
  if (is_raw()) return add_raw(bytes, out);
  switch (form_.stream) {
    case StreamForm::kArray: out += first ? "[" : ","; return add_json(bytes, out);
    case StreamForm::kLines: return add_json(bytes, out) && (out += '\n', true);
    case StreamForm::kEvents: out += "data: "; return add_json(bytes, out) && (out += "\n\n", true);
  }
  return false;
}

bool JsonResponse::add_json(std::string_view bytes, std::string& out) const {
  std::string text;
  const std::string url = ServiceApi::type_url(*binding_.method->output_type());
  if (!pb::util::BinaryToJsonString(api_->types(), url, std::string(bytes), &text, form_.print).ok())
    return false;
  if (!binding_.response_body.empty()) text = selected(text);
  out += text;
  return true;
}

// Of a message in JSON the field that is the response. One that is not there is empty.
std::string JsonResponse::selected(const std::string& text) const {
  const pb::FieldDescriptor& field = *binding_.method->output_type()->FindFieldByName(binding_.response_body);
  const std::string& name = form_.print.preserve_proto_field_names ? field.name() : field.json_name();
  const json whole = json::parse(text, nullptr, false);
  if (const auto found = whole.find(name); found != whole.end()) return to_text(*found);
  if (field.is_map() || (field.message_type() != nullptr && !field.is_repeated())) return "{}";
  return field.is_repeated() ? "[]" : "null";
}

bool JsonResponse::add_raw(std::string_view bytes, std::string& out) {
  return for_each_text(std::string(bytes), [&](int number, const std::string& value) {
    // The first message says what all are.
    if (number == kContentType && messages_ == 1 && http::is_field_text(value)) set_type(arena_.copy(value));
    if (number == kData) out += value;
  });
}

std::string JsonResponse::error() const {
  const pb::Descriptor* described = details_.empty() ? nullptr : api_->find_message("google.rpc.Status");
  std::string text;
  if (described != nullptr && pb::util::BinaryToJsonString(api_->types(), ServiceApi::type_url(*described),
                                                           details_, &text, form_.print)
                                  .ok())
    return text;
  return error_text(status_, message_);
}

bool JsonResponse::finish(std::string_view trailers, std::string& out) {
  if (!pending_.empty()) return false;
  if (!told_) {
    read_status({http::find_in_lines(trailers, "grpc-status"), http::find_in_lines(trailers, "grpc-message"),
                 http::find_in_lines(trailers, "grpc-status-details-bin")});
    if (!told_) message_ = "the service has told no status";
  }
  const bool streams = binding_.method->server_streaming();
  if (status_ == kOk && !streams && messages_ == 0) {
    status_ = kInternal;
    message_ = "the service has sent no message";
  }
  if (status_ == kOk) {
    if (streams && !is_raw() && form_.stream == StreamForm::kArray) out += messages_ == 0 ? "[]" : "]";
    return true;
  }
  if (streams && messages_ > 0) {
    // The head has said that all is well: a transfer that breaks off says that it is not.
    failure_ = "grpc_stream_failed";
    if (is_raw() || form_.stream != StreamForm::kEvents) return false;
    out += "event: error\ndata: " + error() + "\n\n";
    return true;
  }
  out = error();
  response_.status = http::http_status_for(status_);
  response_.reason = http::reason_phrase(response_.status);
  set_type("application/json");
  return true;
}

}  // namespace portcullis::policy::grpc_transcoding

#include "policy/grpc_transcoding/json_printer.h"

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <simdjson.h>

#include <algorithm>
#include <climits>

#include "http/characters.h"
#include "http/grpc.h"
#include "policy/grpc_transcoding/conversion.h"
#include "policy/grpc_transcoding/json_text.h"
#include "policy/grpc_transcoding/message_check.h"
#include "policy/grpc_transcoding/wire_fields.h"

namespace portcullis::policy::grpc_transcoding {

namespace pb = google::protobuf;
using Outcome = Printed::Outcome;

namespace {

enum HttpBodyField { kContentType = 1, kData = 2 };

// Collects the printed text up to a max size. The printer ignores that there is no more room, so is_full() is
// checked afterwards.
class BoundedOutput final : public pb::io::ZeroCopyOutputStream {
 public:
  // Appends to `out` about `max` bytes at most.
  BoundedOutput(std::string& out, size_t max)
      : limit_(max > SIZE_MAX - out.size() ? SIZE_MAX : out.size() + max), inner_(&out) {}

  bool Next(void** data, int* size) override {
    if (static_cast<size_t>(inner_.ByteCount()) < limit_) return inner_.Next(data, size);
    full_ = true;
    return false;
  }
  void BackUp(int count) override { inner_.BackUp(count); }
  int64_t ByteCount() const override { return inner_.ByteCount(); }

  bool is_full() const { return full_; }

 private:
  size_t limit_;
  pb::io::StringOutputStream inner_;
  bool full_ = false;
};

// The max number of parts of a message. When the printer also prints fields that are not set, it keeps all
// fields of a message in memory before it prints the first one.
size_t part_limit(const JsonForm& form) {
  constexpr size_t kAlwaysTaken = 10'000;
  constexpr size_t kBytesForEach = 4;
  return form.print.always_print_primitive_fields ? std::max(form.max / kBytesForEach, kAlwaysTaken)
                                                  : SIZE_MAX;
}

}  // namespace

Printed JsonPrinter::print(std::string_view messages, size_t before, const std::stop_token& stop) const {
  Printed out;
  for (; !messages.empty() && out.outcome == Outcome::kDone; ++before) {
    if (stop.stop_requested()) {
      out.outcome = Outcome::kStopped;
      break;
    }
    const size_t size = http::grpc_size(messages);
    const std::string_view message = messages.substr(http::kGrpcPrefix, size);
    messages.remove_prefix(http::kGrpcPrefix + message.size());
    out.outcome = is_raw() ? add_raw(message, before, out) : add_framed(message, before, out.text);
  }
  return out;
}

Outcome JsonPrinter::add_framed(std::string_view message, size_t before, std::string& out) const {
  if (!streams()) return add_json(message, out);
  if (form_.stream == StreamForm::kArray) out += before == 0 ? "[" : ",";
  if (form_.stream == StreamForm::kEvents) out += "data: ";
  const Outcome outcome = add_json(message, out);
  if (form_.stream == StreamForm::kEvents) out += "\n\n";
  if (form_.stream == StreamForm::kLines) out += '\n';
  return outcome;
}

Outcome JsonPrinter::add_json(std::string_view message, std::string& out) const {
  const pb::Descriptor& type = *binding_->method->output_type();
  if (binding_->response_body.empty()) return add_any(type, message, out);
  std::string text;
  const Outcome outcome = add_any(type, message, text);
  if (outcome == Outcome::kDone) out += selected(text);
  return outcome;
}

// Appends the JSON of a message of any type.
Outcome JsonPrinter::add_any(const pb::Descriptor& type, std::string_view message, std::string& out) const {
  const UnsetFields unset =
      form_.print.always_print_primitive_fields ? UnsetFields::kCounted : UnsetFields::kIgnored;
  switch (check_message(*api_, type, message, unset, part_limit(form_))) {
    case MessageCheck::kGood: break;
    case MessageCheck::kMalformed: return Outcome::kMalformed;
    case MessageCheck::kTooManyParts: return Outcome::kTooLarge;
  }
  if (message.size() > INT_MAX) return Outcome::kTooLarge;
  pb::io::ArrayInputStream input(message.data(), static_cast<int>(message.size()));
  BoundedOutput output(out, max_made_of(form_.max));
  const bool good =
      pb::util::BinaryToJsonStream(api_->types(), ServiceApi::type_url(type), &input, &output, form_.print)
          .ok();
  if (output.is_full()) return Outcome::kTooLarge;
  return good ? Outcome::kDone : Outcome::kMalformed;
}

// The field of a JSON message that the binding names as the response body. A missing field gives an empty
// value of its type.
std::string JsonPrinter::selected(const std::string& text) const {
  const pb::FieldDescriptor& field =
      *binding_->method->output_type()->FindFieldByName(binding_->response_body);
  const std::string& name = form_.print.preserve_proto_field_names ? field.name() : field.json_name();
  const simdjson::padded_string padded(text);
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document;
  simdjson::ondemand::object whole;
  simdjson::ondemand::value value;
  std::string_view found;
  if (parser.iterate(padded).get(document) == simdjson::SUCCESS &&
      document.get_object().get(whole) == simdjson::SUCCESS &&
      whole.find_field(name).get(value) == simdjson::SUCCESS &&
      simdjson::to_json_string(value).get(found) == simdjson::SUCCESS)
    return std::string(found);
  if (field.is_map() || (field.message_type() != nullptr && !field.is_repeated())) return "{}";
  return field.is_repeated() ? "[]" : "null";
}

Outcome JsonPrinter::add_raw(std::string_view message, size_t before, Printed& out) const {
  const bool good = for_each_text(std::string(message), [&](int number, const std::string& value) {
    // The content type of the first message is the one of the whole response.
    if (number == kContentType && before == 0 && http::is_field_text(value)) out.content_type = value;
    if (number == kData) out.text += value;
  });
  return good ? Outcome::kDone : Outcome::kMalformed;
}

Printed JsonPrinter::print_error(const CallStatus& status) const {
  const pb::Descriptor* described =
      status.details.empty() ? nullptr : api_->find_message("google.rpc.Status");
  Printed out;
  if (described == nullptr || add_any(*described, status.details, out.text) != Outcome::kDone)
    out.text = error_text(status.code, status.message);
  return out;
}

}  // namespace portcullis::policy::grpc_transcoding

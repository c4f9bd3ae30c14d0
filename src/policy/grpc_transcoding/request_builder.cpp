#include "policy/grpc_transcoding/request_builder.h"

#include <google/protobuf/util/json_util.h>
#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "base/json_text.h"
#include "crypto/encoding.h"
#include "http/grpc.h"
#include "http/query.h"
#include "policy/grpc_transcoding/json_text.h"

namespace portcullis::policy::grpc_transcoding {

namespace pb = google::protobuf;
using nlohmann::json;

namespace {

constexpr size_t kDeepest = 32;

class Builder {
 public:
  Builder(const ServiceApi& api, const HttpBinding& binding, const HttpCall& call, const RequestForm& form,
          const std::stop_token& stop)
      : api_(api),
        binding_(binding),
        call_(call),
        max_(form.max),
        stop_(stop),
        input_(*binding.method->input_type()) {
    options_.ignore_unknown_fields = form.unknown == RequestForm::Unknown::kIgnored;
  }

  Result<std::string> build() {
    if (!read_query() || !read_path()) return Error{problem_};
    std::string parameters;
    if (!parameters_.empty() && !to_binary(json_text(parameters_), parameters)) return Error{problem_};
    std::string out;
    if (binding_.method->client_streaming()) {
      if (!add_stream(parameters, out)) return Error{problem_};
      return out;
    }
    std::string message;
    if (!add_body(message)) return Error{problem_};
    // Concatenated protobuf messages are merged when read, and later values win: here those of the path and
    // the query.
    if (!add_message(message, parameters, out)) return Error{problem_};
    return out;
  }

 private:
  bool fail(std::string why) {
    problem_ = std::move(why);
    return false;
  }

  bool add_message(const std::string& message, const std::string& parameters, std::string& out) {
    const size_t size = message.size() + parameters.size();
    if (size > max_ || out.size() > max_ - size) return fail("the messages of the request are too large");
    out += http::grpc_prefix(0, size);
    out += message;
    out += parameters;
    return true;
  }

  bool to_binary(const std::string& text, std::string& out) {
    std::string bytes;
    const auto status =
        pb::util::JsonToBinaryString(api_.types(), ServiceApi::type_url(input_), text, &bytes, options_);
    if (!status.ok()) return fail(std::string(status.message()));
    out += bytes;
    return true;
  }

  // The message type of the body: the input type for `*`, otherwise the type of the field; null when the
  // field is not a message.
  const pb::Descriptor* body_type() const {
    if (binding_.body == "*") return &input_;
    return input_.FindFieldByName(binding_.body)->message_type();
  }

  bool add_body(std::string& out) {
    if (binding_.body.empty() || call_.body.empty()) return true;
    std::string text(call_.body);
    const pb::Descriptor* type = body_type();
    if (type != nullptr && is_http_body(*type)) {
      text =
          json_text(nlohmann::json{{"contentType", call_.content_type},
                                   {"data", crypto::base64_encode(call_.body, crypto::Base64::kStandard)}});
    }
    if (binding_.body == "*") return to_binary(text, out);
    // The body must be a single JSON value, because it is inserted into the JSON text below.
    if (!json::accept(text)) return fail("the body is not JSON");
    return to_binary("{\"" + binding_.body + "\":" + text + "}", out);
  }

  bool add_stream(const std::string& parameters, std::string& out) {
    if (!json::accept(call_.body)) return fail("the body is not JSON");
    const simdjson::padded_string padded(call_.body);
    simdjson::ondemand::parser parser;
    simdjson::ondemand::document document;
    simdjson::ondemand::array elements;
    if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
        document.get_array().get(elements) != simdjson::SUCCESS)
      return fail("the body must be an array, because the method takes a stream of requests");
    for (auto element : elements) {
      if (stop_.stop_requested()) return fail("the client has left");
      simdjson::ondemand::object object;
      std::string_view text;
      if (element.get_object().get(object) != simdjson::SUCCESS ||
          object.raw_json().get(text) != simdjson::SUCCESS)
        return fail("each element of the array must be an object");
      std::string message;
      if (!to_binary(std::string(text), message) || !add_message(message, parameters, out)) return false;
    }
    return true;
  }

  bool read_path() {
    const std::vector<std::string> values = binding_.path.values_in(call_.path);
    for (size_t i = 0; i < values.size(); ++i) {
      const std::string& name = binding_.path.variables[i].field;
      if (!set(*find_field_path(input_, name), name, values[i], true)) return false;
    }
    return true;
  }

  bool read_query() {
    if (binding_.body == "*") return true;  // the body has all fields that are not in the path
    bool good = true;
    http::for_each_query_parameter(
        call_.query, [&](std::string_view encoded_name, std::string_view encoded, std::string_view) {
          const std::string name = http::decode_query_text(encoded_name);
          if (name.empty()) return true;
          const pb::FieldDescriptor* field = find_field_path(input_, name);
          if (field == nullptr) {
            good = options_.ignore_unknown_fields ||
                   fail("the message has no field for the parameter `" + name + "`");
          } else if (field->message_type() != nullptr &&
                     field->message_type()->full_name().rfind("google.protobuf.", 0) != 0) {
            good = fail("`" + name + "` is not a single value");
          } else {
            good = set(*field, name, http::decode_query_text(encoded), false);
          }
          return good;
        });
    return good;
  }

  // Stores a value in `parameters_` at the field path `name`.
  bool set(const pb::FieldDescriptor& field, std::string_view name, const std::string& text, bool replace) {
    if (static_cast<size_t>(std::count(name.begin(), name.end(), '.')) > kDeepest)
      return fail("the name of a parameter has too many parts");
    json* at = &parameters_;
    const pb::Descriptor* message = &input_;
    for (;;) {
      const size_t dot = name.find('.');
      // A field may be given by either of its names; the value is stored under one of them.
      const pb::FieldDescriptor* part = find_field(*message, name.substr(0, dot));
      if (!at->is_null() && !at->is_object()) return fail("a field that takes one value has several");
      at = &(*at)[part->name()];
      if (dot == std::string_view::npos) break;
      message = part->message_type();
      name.remove_prefix(dot + 1);
    }
    json value = text;
    if (field.type() == pb::FieldDescriptor::TYPE_BOOL && (text == "true" || text == "false"))
      value = text == "true";
    if (field.is_repeated()) {
      at->push_back(std::move(value));
    } else if (replace || at->is_null()) {
      *at = std::move(value);
    } else {
      return fail("a field that takes one value has several");
    }
    return true;
  }

  const ServiceApi& api_;
  const HttpBinding& binding_;
  const HttpCall& call_;
  const size_t max_;
  const std::stop_token& stop_;
  const pb::Descriptor& input_;
  pb::util::JsonParseOptions options_;
  json parameters_ = json::object();
  std::string problem_;
};

}  // namespace

Result<std::string> build_request(const ServiceApi& api, const HttpBinding& binding, const HttpCall& call,
                                  const RequestForm& form, const std::stop_token& stop) {
  return Builder(api, binding, call, form, stop).build();
}

}  // namespace portcullis::policy::grpc_transcoding

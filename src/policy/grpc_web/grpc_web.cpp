#include "policy/grpc_web/grpc_web.h"

#include <algorithm>

#include "base/text.h"
#include "crypto/encoding.h"
#include "http/grpc.h"
#include "policy/convert_stage.h"
#include "policy/grpc_web/reasons.h"

namespace portcullis::policy::grpc_web {

std::optional<std::string> decode_grpc_web_text(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t padding = text.find('=');
    size_t piece = text.size();
    if (padding != std::string_view::npos) piece = std::min(piece, (padding / 4 + 1) * 4);
    const auto bytes = crypto::base64_decode(text.substr(0, piece), crypto::Base64::kStandard);
    if (!bytes) return std::nullopt;
    out += *bytes;
    text.remove_prefix(piece);
  }
  return out;
}

namespace {

using http::GrpcForm;

class WebConverter final : public BodyConverter {
 public:
  explicit WebConverter(GrpcForm form) : text_(form == GrpcForm::kWebText) {}

  Step convert(std::string_view data, std::string& out) override {
    add(data, out);
    return Step::kDone;
  }

  Step finish(std::string_view trailers, std::string& out) override {
    // Without a gRPC status in the trailers the call has not succeeded, so the status is UNKNOWN.
    static constexpr std::string_view kUnknown = "grpc-status: 2\r\n";
    const bool told = !http::find_in_lines(trailers, "grpc-status").empty();
    std::string frame =
        http::grpc_prefix(http::kGrpcTrailers, trailers.size() + (told ? 0 : kUnknown.size()));
    frame += trailers;
    if (!told) frame += kUnknown;
    add(frame, out);
    return Step::kDone;
  }

 private:
  // Each piece of base64 has its own padding, so that no byte of a message waits for the next message.
  void add(std::string_view data, std::string& out) const {
    if (text_) {
      out += crypto::base64_encode(data, crypto::Base64::kStandard);
    } else {
      out += data;
    }
  }

  bool text_;
};

struct Settings {
  uint64_t body_size = 4 * 1024 * 1024;
};

class GrpcWeb final : public Policy {
 public:
  explicit GrpcWeb(const Settings& settings) : settings_(settings) {}

  Decision on_request(Context& context) const override {
    const std::string_view type = context.request.fields.value_of("content-type");
    const GrpcForm form = http::grpc_form(type);
    if (form != GrpcForm::kWeb && form != GrpcForm::kWebText) return Decision::proceed();
    const std::string_view suffix = http::grpc_suffix(type);
    Asked* asked = context.arena.make<Asked>(answer_form(context.request.fields, form));
    context.keep(this, asked);
    context.handling.grpc_error_type = type_of(context, asked->form, suffix);
    context.request.fields.set("content-type", context.arena.concat("application/grpc", suffix));
    context.request.fields.set("te", "trailers");
    if (form == GrpcForm::kWebText) return Decision::suspend(decode(context));
    return Decision::proceed();
  }

  void add_reads(RequestReads& reads) const override { reads.add_header("content-type"); }
  Decision on_response(Context& context) const override {
    http::ResponseHead& response = context.response;
    const Asked* asked = context.kept<Asked>(this);
    const std::string_view type = response.fields.value_of("content-type");
    // A response that does not come from the gRPC service, but from a server before it or from the gateway,
    // stays as it is: clients understand its HTTP status.
    if (asked == nullptr || !context.from_target || response.status != 200 ||
        http::grpc_form(type) != GrpcForm::kGrpc)
      return Decision::proceed();
    response.fields.set("content-type", type_of(context, asked->form, http::grpc_suffix(type)));
    if (response.body.kind == http::BodyKind::kNone) return Decision::proceed();
    forget_length(context);
    context.response_body.pass_through([&](std::unique_ptr<http::BodySource> body) {
      return std::make_unique<ConvertStage>(std::move(body), std::make_unique<WebConverter>(asked->form),
                                            context.loop);
    });
    return Decision::proceed();
  }

  Notes explain(Context& context, const Decision&) const override {
    return {context.kept<Asked>(this) != nullptr ? "would pass the request on as a gRPC call"
                                                 : "not gRPC-Web: the request is passed on unchanged"};
  }

 private:
  struct Asked {
    GrpcForm form;  // of the response
  };

  static std::string_view type_of(Context& context, GrpcForm form, std::string_view suffix) {
    return context.arena.concat("application/grpc-web", form == GrpcForm::kWebText ? "-text" : "", suffix);
  }

  // The form of the response: the one that the client accepts, otherwise the form of the request.
  static GrpcForm answer_form(const http::Fields& fields, GrpcForm asked) {
    GrpcForm form = asked;
    for_each_list_element(fields.value_of("accept"), [&](std::string_view one) {
      const GrpcForm named = http::grpc_form(one);
      if (named == GrpcForm::kWeb || named == GrpcForm::kWebText) form = named;
    });
    return form;
  }

  // Decodes the text form. The body is held in memory, because clients send a single message: browsers cannot
  // stream a request body.
  Task<Decision> decode(Context& context) const {
    Decision held = co_await hold_body(context, settings_.body_size);
    if (held.kind != Decision::Kind::kContinue) co_return held;
    auto bytes = decode_grpc_web_text(context.request_body.holder->content());
    if (!bytes) co_return Decision::refuse(kReasons.bad_base64);
    context.request_body.holder->replace(std::move(*bytes));
    co_return Decision::proceed();
  }

  Settings settings_;
};

}  // namespace

Kind kind() {
  auto type = std::make_shared<config::ObjectType<Settings>>(
      "grpc_web",
      "Lets browsers call gRPC services: converts requests in both forms of gRPC-Web (binary and text) to "
      "gRPC calls, and sends the trailers of the response at the end of its body. The upstream must speak "
      "HTTP/2. All other requests are passed on unchanged.");
  type->optional("body_size", &Settings::body_size, config::size(),
                 "Max size of a request in the text form, which is decoded in memory; beyond it: 413.");
  return with_insight<Settings>(
      make_kind<Settings, GrpcWeb>("grpc_web", type).with_reasons(kReasons),
      [](const Settings&, const config::PolicyUse&) { return Insight{.needs_http2 = true}; });
}

}  // namespace portcullis::policy::grpc_web

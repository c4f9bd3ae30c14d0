#include "policy/grpc_transcoding/grpc_transcoding.h"

#include <memory>
#include <optional>
#include <string>

#include "base/read_file.h"
#include "config/marked_type.h"
#include "http/grpc.h"
#include "http/method.h"
#include "policy/convert_stage.h"
#include "policy/grpc_transcoding/conversion.h"
#include "policy/grpc_transcoding/conversion_pool.h"
#include "policy/grpc_transcoding/json_response.h"
#include "policy/grpc_transcoding/json_text.h"
#include "policy/grpc_transcoding/reasons.h"
#include "policy/grpc_transcoding/request_builder.h"
#include "policy/grpc_transcoding/service_api.h"
#include "policy/limit_stage.h"
#include "policy/services.h"

namespace portcullis::policy::grpc_transcoding {
namespace {

enum class Others { kRefuse, kPass };
constexpr auto names_of(Others) {
  return std::to_array<EnumName<Others>>({{Others::kRefuse, "refuse"}, {Others::kPass, "pass"}});
}
enum class FieldNames { kCamel, kProto };
constexpr auto names_of(FieldNames) {
  return std::to_array<EnumName<FieldNames>>({{FieldNames::kCamel, "camel"}, {FieldNames::kProto, "proto"}});
}
enum class Enums { kNames, kNumbers };
constexpr auto names_of(Enums) {
  return std::to_array<EnumName<Enums>>({{Enums::kNames, "names"}, {Enums::kNumbers, "numbers"}});
}

struct Settings {
  std::string descriptors;
  config::Location descriptors_location;
  std::vector<std::string> services;
  config::Location services_location;
  bool unannotated = true;
  Others others = Others::kRefuse;
  uint64_t body_size = 1024 * 1024;
  uint64_t response_size = 4 * 1024 * 1024;
  StreamForm stream = StreamForm::kArray;
  FieldNames field_names = FieldNames::kCamel;
  Enums enums = Enums::kNames;
  bool print_defaults = false;
  bool ignore_unknown = false;
};

std::shared_ptr<const ServiceApi> load(const Settings& settings, const config::Location& location,
                                       std::vector<ServiceApi::Problem>& problems) {
  const auto content = read_file(location.beside(settings.descriptors));
  if (content) return ServiceApi::read(*content, {settings.services, settings.unannotated}, problems);
  problems.push_back({ServiceApi::Problem::Where::kFile, content.error().message});
  return nullptr;
}

class GrpcTranscoding final : public Policy {
 public:
  GrpcTranscoding(const Settings& settings, const BuildContext& build)
      : settings_(settings), pool_(build.services.get<ConversionPool>().pool()) {
    std::vector<ServiceApi::Problem> problems;
    api_ = load(settings, build.location, problems);  // check() has loaded the same file without an error
    request_form_.max = max_made_of(settings.body_size);
    if (settings.ignore_unknown) request_form_.unknown = RequestForm::Unknown::kIgnored;
    form_.stream = settings.stream;
    form_.max = settings.response_size;
    form_.print.always_print_primitive_fields = settings.print_defaults;
    form_.print.always_print_enums_as_ints = settings.enums == Enums::kNumbers;
    form_.print.preserve_proto_field_names = settings.field_names == FieldNames::kProto;
  }

  Decision on_request(Context& context) const override {
    if (is_grpc(context)) return Decision::proceed();
    const HttpBinding* binding = find(context);
    if (binding == nullptr) return decide_others();
    return Decision::suspend(transcode(context, *binding));
  }

  Decision on_response(Context& context) const override {
    const Asked* asked = context.kept<Asked>(this);
    if (asked == nullptr || !context.from_target) return Decision::proceed();
    auto json = std::make_unique<JsonResponse>(JsonPrinter(api_, *asked->binding, form_), context.response,
                                               context.arena, context.loop, pool_);
    const JsonResponse::Way way = json->begin();
    if (way == JsonResponse::Way::kPass) return Decision::proceed();
    const bool streams =
        way == JsonResponse::Way::kStream && context.response.body.kind == http::BodyKind::kStream;
    context.response_body.pass_through([&](std::unique_ptr<http::BodySource> body) {
      if (!streams) body = std::make_unique<LimitStage>(std::move(body), settings_.response_size);
      return std::make_unique<ConvertStage>(std::move(body), std::move(json), context.loop);
    });
    forget_length(context);
    return Decision::suspend(receive(context, streams));
  }

  void add_reads(RequestReads& reads) const override {
    for (const char* name : {"content-type", "content-encoding"}) reads.add_header(name);
  }
  Notes explain(Context& context, const Decision& decision) const override {
    if (context.kept<Asked>(this) != nullptr)
      return {"would call " + std::string(context.handling.target_path)};
    if (decision.kind == Decision::Kind::kContinue && is_grpc(context))
      return {"a gRPC call, which is passed on unchanged"};
    if (const HttpBinding* binding = find(context)) return {"would call " + binding->call_path};
    return {"no method of the descriptor set is bound to this method and path"};
  }

 private:
  // A request that has been converted into a call.
  struct Asked {
    const HttpBinding* binding;
  };

  static bool is_grpc(const Context& context) {
    return http::grpc_form(context.request.fields.value_of("content-type")) != http::GrpcForm::kNone;
  }

  const HttpBinding* find(const Context& context) const {
    return api_ ? api_->find(context.request.method, context.handling.target_path) : nullptr;
  }

  Decision decide_others() const {
    return settings_.others == Others::kPass ? Decision::proceed()
                                             : Decision::refuse(kReasons.no_grpc_method);
  }

  Task<Decision> transcode(Context& context, const HttpBinding& binding) const {
    http::RequestHead& request = context.request;
    if (request.fields.find("content-encoding") != nullptr)
      co_return Decision::refuse(kReasons.content_encoding_not_supported);
    Decision held = co_await hold_body(context, settings_.body_size);
    if (held.kind != Decision::Kind::kContinue) co_return held;
    const HttpCall call{.path = context.handling.target_path,
                        .query = request.has_query ? request.query : std::string_view(),
                        .body = context.request_body.holder->content(),
                        .content_type = request.fields.value_of("content-type")};
    std::optional<Result<std::string>> messages;
    if (call.size() <= kMaxConvertedHere) {
      messages.emplace(build_request(*api_, binding, call, request_form_));
    } else {
      PoolJob<Result<std::string>> job(pool_, context.loop);
      if (job.submit(work_of(binding, call))) messages = co_await job;
    }
    if (!messages) co_return Decision::refuse(kReasons.transcoding_overloaded, "overloaded");
    if (!*messages) co_return tell(context, messages->error().message);
    context.request_body.holder->replace(std::move(**messages));
    // The gRPC call is a POST; whether it may be repeated depends on the method of the client's request.
    context.handling.is_idempotent = http::is_idempotent(request.method);
    request.method = "POST";
    request.has_query = false;
    request.query = {};
    context.handling.target_path = binding.call_path;
    for (const std::string_view name : {"accept-encoding", "grpc-encoding", "grpc-accept-encoding"})
      request.fields.remove(name);
    request.fields.set("content-type", "application/grpc");
    request.fields.set("te", "trailers");
    context.handling.grpc_error_type = std::string_view();
    context.keep(this, context.arena.make<Asked>(&binding));
    co_return Decision::proceed();
  }

  // Receives as much of the response as its head depends on.
  static Task<Decision> receive(Context& context, bool streams) {
    if (!streams) co_return Decision::suspend(hold_response(context, SIZE_MAX));
    bool ended = false;
    Task<bool> holding = context.response_body.hold_beginning(ended);
    if (!co_await holding) co_return Decision::broken();
    // A stream stays one also when all of it has come at once: its head must not depend on that.
    if (ended && context.response.status != 200)
      co_return Decision::suspend(hold_response(context, SIZE_MAX));
    context.response.body = {http::BodyKind::kStream, http::BodyFraming::kUnknown};
    co_return Decision::proceed();
  }

  // The work of a conversion job. The function owns or shares all that it reads, because a job may outlive
  // the exchange and its configuration.
  PoolJob<Result<std::string>>::Work work_of(const HttpBinding& binding, const HttpCall& call) const {
    return [api = api_, &binding, form = request_form_, path = std::string(call.path),
            query = std::string(call.query), body = std::string(call.body),
            content_type = std::string(call.content_type)](const std::stop_token& stop) {
      return build_request(*api, binding, {path, query, body, content_type}, form, stop);
    };
  }

  // Answers with an error in the same form as an error of the service.
  static Decision tell(Context& context, const std::string& what) {
    constexpr uint32_t kInvalidArgument = 3;
    context.response.status = 400;
    context.response.fields.set("content-type", "application/json");
    return Decision::answer(context.arena.copy(error_text(kInvalidArgument, what)),
                            kReasons.bad_json_request);
  }

  Settings settings_;
  SidePool& pool_;
  std::shared_ptr<const ServiceApi> api_;
  RequestForm request_form_;
  JsonForm form_;
};

void check(const config::PolicyUse& use, const Settings& settings, const config::Config&,
           config::Diagnostics& diagnostics) {
  if (settings.descriptors.empty()) return;  // the missing setting has been reported already
  std::vector<ServiceApi::Problem> problems;
  (void)load(settings, use.location, problems);
  for (const ServiceApi::Problem& problem : problems) {
    const bool of_service = problem.where == ServiceApi::Problem::Where::kService;
    diagnostics.error(of_service ? settings.services_location : settings.descriptors_location,
                      of_service ? problem.message : settings.descriptors + ": " + problem.message);
  }
}

}  // namespace

Kind kind() {
  auto type = std::make_shared<config::ObjectType<Settings>>(
      "grpc_transcoding",
      "A REST API for gRPC services: converts requests with JSON to gRPC calls, by the `google.api.http` "
      "options of a descriptor set, and the results of the calls to JSON. The upstream must speak HTTP/2. "
      "gRPC calls of clients are passed on unchanged.");
  type->required(
          "descriptors", &Settings::descriptors, config::file_path("/etc/portcullis/library.pb"),
          "The file of the descriptor set, which `protoc --include_imports --descriptor_set_out` writes. It "
          "is read when the configuration is loaded. A relative path begins at the configuration's folder.")
      .locate_last(&Settings::descriptors_location)
      .optional("services", &Settings::services,
                config::non_empty(config::list_of<std::string>(config::text("library.v1.Library"))),
                "The services that can be called, in the form `package.Service`.")
      .default_in_words("all")
      .locate_last(&Settings::services_location)
      .optional("unannotated", &Settings::unannotated, config::boolean(),
                "Whether a gRPC method without a `google.api.http` option can be called by POST "
                "/package.Service/Method.")
      .optional("others", &Settings::others, config::choice<Others>(),
                "What happens to requests that belong to no method: `refuse` answers with 404, `pass` passes "
                "them on unchanged.")
      .optional("body_size", &Settings::body_size, config::size(),
                "Max size of a request, which is converted in memory; beyond it: 413.")
      .optional("response_size", &Settings::response_size, config::size(),
                "Max size of a message of a response, which is converted in memory to JSON of at most eight "
                "times this size; beyond it: 502.")
      .optional("stream", &Settings::stream, config::choice<StreamForm>(),
                "How a stream of messages is sent: a JSON array, JSON lines, or server-sent events.")
      .optional("field_names", &Settings::field_names, config::choice<FieldNames>(),
                "The names of fields in responses: `camel` is `displayName`, `proto` is `display_name` as in "
                "the .proto file.")
      .optional("enums", &Settings::enums, config::choice<Enums>(), "How responses write values of enums.")
      .optional("print_defaults", &Settings::print_defaults, config::boolean(),
                "Whether responses contain fields that are zero, false or empty.")
      .optional("ignore_unknown", &Settings::ignore_unknown, config::boolean(),
                "Whether requests may have JSON fields and parameters that the message type does not have. "
                "With `false`, such requests get 400.");
  return with_insight<Settings>(
      make_kind<Settings, GrpcTranscoding>("grpc_transcoding", type, check).with_reasons(kReasons),
      [](const Settings&, const config::PolicyUse&) { return Insight{.needs_http2 = true}; });
}

}  // namespace portcullis::policy::grpc_transcoding

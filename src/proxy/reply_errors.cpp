// The responses to the gateway's own errors: problem details, a gRPC status, or what a rule of `errors` says.

#include "base/text.h"
#include "http/grpc.h"
#include "proxy/fill_context.h"
#include "proxy/reply.h"

namespace portcullis::proxy {
namespace {

constexpr std::string_view kProblemType = "application/problem+json";

}  // namespace

Task<void> Reply::refuse(const EndReason& reason) {
  return refuse_with(reason.status, reason, reason);
}

Task<void> Reply::refuse_with(uint16_t status, const EndReason& reason, const EndReason& told) {
  state_.record.ended = &reason;
  state_.response = {};
  if (!state_.request.allow.empty()) state_.response.fields.add("allow", state_.request.allow);
  return send_problem(status, told.name);
}

Task<void> Reply::shed() {
  state_.record.ended = &kEnds.overloaded;
  state_.response = {};
  state_.response.fields.add("retry-after", "1");
  return send_problem(kEnds.overloaded.status, kEnds.overloaded.name);
}

Task<void> Reply::refuse(const policy::Decision& decision) {
  state_.record.ended = decision.reason;
  return send_problem(decision.status, *decision.text);
}

// Tells the client of an error, with the fields that the response has already: as problem details (RFC 9457),
// as a gRPC status, or as a rule of `errors` says.
Task<void> Reply::send_problem(uint16_t status, std::string_view detail) {
  Request& request = state_.request;
  http::ResponseHead& head = state_.response;
  Arena& arena = request.arena;
  if (request.id.empty()) choose_request_id(request, [this] { return state_.worker.random(); });
  const bool parse_failure = !request.has_head;
  if (parse_failure || state_.body_pending()) close_after();
  if (const std::string_view type = grpc_type(); !type.empty()) {
    head.status = 200;
    head.fields.set("content-type", type);
    head.fields.set("grpc-status", arena.decimal(http::grpc_status_for(status)));
    head.fields.set("grpc-message", detail);
    return answer("");
  }
  state_.record.error_status = status;
  const ErrorRule* const rule = rule_for(status);
  state_.record.error_rule = rule;
  if (rule != nullptr) return answer(shape(*rule, status, detail));
  head.status = status;
  head.fields.set("content-type", kProblemType);
  return answer(problem_details(status, detail));
}

std::string_view Reply::problem_details(uint16_t status, std::string_view detail) const {
  Arena& arena = state_.request.arena;
  std::string id;
  append_json_escaped(id, state_.request.id);
  return arena.concat(R"({"type":"about:blank","title":")", http::reason_phrase(status), R"(","status":)",
                      arena.decimal(status), R"(,"detail":")", detail, R"(","request_id":")", id, R"("})",
                      "\n");
}

namespace {

// Drops what was read of a head that is not complete: it may have moved since.
void drop_incomplete(http::RequestHead& head) {
  head.method = head.method == "HEAD" ? "HEAD" : "";  // which decides about the body
  head.target = head.authority = head.path = head.query = {};
  head.has_query = false;
  head.fields.clear();
}

}  // namespace

// The rule of `errors` for this error, or null.
const ErrorRule* Reply::rule_for(uint16_t status) {
  const ErrorRules* const rules = state_.snapshot->snapshot->errors.get();
  if (rules == nullptr || state_.kind == ExchangeState::Kind::kErrand) return nullptr;
  if (!state_.request.has_head) drop_incomplete(state_.request.head);
  if (!has_context(state_)) fill_context(state_);
  return rules->find(status, *state_.record.ended, state_.context);
}

std::string_view Reply::shape(const ErrorRule& rule, uint16_t status, std::string_view detail) {
  http::ResponseHead& head = state_.response;
  policy::Context& context = state_.context;
  head.status = rule.sent_status != 0 ? rule.sent_status : status;
  const policy::ToldError error{head.status, detail, *state_.record.ended};
  context.error = &error;
  rule.set_fields(context);
  const std::string_view body =
      rule.body.empty() ? problem_details(head.status, detail) : rule.body.expand(context);
  context.error = nullptr;
  if (http::has_no_content(head.status)) return {};
  head.fields.set("content-type", rule.body.empty() ? kProblemType : std::string_view(rule.content_type));
  return body;
}

// The content type of the gateway's own answer to a client that reads errors from gRPC's fields (in the head,
// when there is no body); empty for other clients.
std::string_view Reply::grpc_type() const {
  if (state_.context.handling.grpc_error_type) return *state_.context.handling.grpc_error_type;
  const http::RequestHead& asked = state_.request.head;
  const std::string_view type = asked.fields.value_of("content-type");
  switch (http::grpc_form(type)) {
    case http::GrpcForm::kNone: return {};
    case http::GrpcForm::kGrpc: return asked.version == http::Version::kHttp2 ? "application/grpc" : "";
    case http::GrpcForm::kWeb:
    case http::GrpcForm::kWebText: return type;
  }
  return {};
}

}  // namespace portcullis::proxy

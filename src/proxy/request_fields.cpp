#include "proxy/request_fields.h"

#include "base/text.h"
#include "crypto/encoding.h"
#include "http/hop_by_hop.h"
#include "http/method.h"

namespace portcullis::proxy {

using http::FieldId;

void write_request_fields(http::HeadWriter& out, const ExchangeState& state, const Trace::Span* span) {
  const http::RequestHead& head = state.request.head;
  const bool traced = state.trace.active();
  for (const http::Field& field : head.fields) {
    // These fields are written below, or by the message stream.
    if (field.id == FieldId::kHost || field.id == FieldId::kXRequestId || is_forwarding_field(field.id))
      continue;
    if (traced && telemetry::carries_trace_context(field.name)) continue;
    if (!http::is_hop_by_hop(field.id)) out.field(field.name, field.value);
  }
  state.trace.write_fields(out, span);
  write_forwarding(out, state.settings->forwarding, head, state.client.connection.peer_text(),
                   state.request.origin, state.request.route->pseudonym);
  out.field("x-request-id", state.request.id);
  const identity::Caller& caller = state.context.caller;
  if (const identity::Consumer* consumer = caller.consumer) {
    out.field("x-consumer-name", consumer->name);
    if (!consumer->group_list.empty()) out.field("x-consumer-groups", consumer->group_list);
    if (!caller.credential.empty()) out.field("x-consumer-credential", caller.credential);
  }
  const auto& certificate = state.client.connection.certificate();
  if (state.settings->forward_client_certificate && certificate != nullptr) {
    // The certificate is a byte sequence of RFC 8941 (RFC 9440 section 2). Encoding it allocates, but only
    // when the field is configured.
    out.field("client-cert", ":", crypto::base64_encode(certificate->encoded, crypto::Base64::kStandard),
              ":");
  }
  if (head.body.has_length()) {
    out.number_field("content-length", head.body.length);
  } else if (head.body.kind == http::BodyKind::kNone) {
    // A client's explicit Content-Length of zero is passed on.
    if (const http::Field* length = head.fields.find(FieldId::kContentLength))
      out.field("content-length", length->value);
  }
}

bool is_idempotent(const ExchangeState& state) {
  return state.context.handling.is_idempotent || http::is_idempotent(state.request.head.method);
}

}  // namespace portcullis::proxy

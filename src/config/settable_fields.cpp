#include "config/settable_fields.h"

#include "config/field_types.h"
#include "http/field_id.h"

namespace portcullis::config {
namespace {

using http::FieldId;

// What is wrong with a field name for any message: it frames or routes the message, or imitates another
// field.
std::string check_framing(const std::string& name, FieldId id) {
  switch (id) {
    case FieldId::kConnection:
    case FieldId::kContentLength:
    case FieldId::kExpect:
    case FieldId::kHost:
    case FieldId::kHttp2Settings:
    case FieldId::kKeepAlive:
    case FieldId::kProxyConnection:
    case FieldId::kTe:
    case FieldId::kTrailer:
    case FieldId::kTransferEncoding:
    case FieldId::kUpgrade:
      return "`" + name +
             "` cannot be changed here: the gateway needs this field to delimit or route the message";
    case FieldId::kImitation:
      return "`" + name + "` cannot be changed here: some servers read it as a field that the gateway writes";
    default: return "";
  }
}

std::string without_effect(const std::string& name, const std::string& instead) {
  return "`" + name + "` cannot be changed here: the gateway writes it" + instead;
}

}  // namespace

std::string check_request_field(const std::string& name) {
  if (std::string problem = check_field_name(name); !problem.empty()) return problem;
  const FieldId id = http::identify_field(name);
  switch (id) {
    case FieldId::kXConsumer: return without_effect(name, ", to tell the backend which consumer calls");
    case FieldId::kClientCert:
      return without_effect(name, " (`tls.forward_client_certificate` of the listener)");
    case FieldId::kForwarded:
    case FieldId::kXForwardedFor:
    case FieldId::kXForwardedHost:
    case FieldId::kXForwardedProto:
      return without_effect(name, " (`trusted_proxies` and `forwarded` of the listener)");
    case FieldId::kVia: return without_effect(name, " (`via` of the listener)");
    case FieldId::kXMirrored:
    case FieldId::kXRequestId: return without_effect(name, "");
    default: return check_framing(name, id);
  }
}

std::string check_response_field(const std::string& name) {
  if (std::string problem = check_field_name(name); !problem.empty()) return problem;
  const FieldId id = http::identify_field(name);
  return id == FieldId::kXRequestId ? without_effect(name, "") : check_framing(name, id);
}

std::string check_question_field(const std::string& name) {
  if (std::string problem = check_field_name(name); !problem.empty()) return problem;
  return check_framing(name, http::identify_field(name));
}

}  // namespace portcullis::config

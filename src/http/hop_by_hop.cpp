#include "http/hop_by_hop.h"

#include "base/text.h"

namespace portcullis::http {

HopByHop::HopByHop(const Fields& fields) : fields_(fields) {
  for (const Field& field : fields) {
    if (field.id != FieldId::kConnection) continue;
    for_each_list_element(field.value, [&](std::string_view option) {
      if (!equals_ignoring_case(option, "close") && !equals_ignoring_case(option, "keep-alive"))
        names_others_ = true;
    });
  }
}

bool HopByHop::drops(const Field& field) const {
  switch (field.id) {
    case FieldId::kConnection:
    case FieldId::kKeepAlive:
    case FieldId::kProxyConnection:
    case FieldId::kTe:
    case FieldId::kTransferEncoding:
    case FieldId::kContentLength:
    case FieldId::kUpgrade: return true;
    default: break;
  }
  if (!names_others_) return false;
  bool named = false;
  for (const Field& connection : fields_) {
    if (connection.id != FieldId::kConnection) continue;
    for_each_list_element(connection.value, [&](std::string_view option) {
      if (equals_ignoring_case(option, field.name)) named = true;
    });
  }
  return named;
}

}  // namespace portcullis::http

#include "http/hop_by_hop.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace portcullis::http {
namespace {

bool is_about_the_connection(std::string_view option) {
  return equals_ignoring_case(option, "close") || equals_ignoring_case(option, "keep-alive");
}

bool is_out_of_reach(const Field& field) {
  switch (field.id) {
    case FieldId::kContentLength:
    case FieldId::kForwarded:
    case FieldId::kHost:
    case FieldId::kTe:
    case FieldId::kTransferEncoding:
    case FieldId::kUpgrade:
    case FieldId::kVia:
    case FieldId::kXForwardedFor:
    case FieldId::kXForwardedHost:
    case FieldId::kXForwardedProto: return true;
    default: return equals_ignoring_case(field.name, "max-forwards");
  }
}

template <typename Visit>
void for_each_option(const Fields& fields, Visit visit) {
  for (const Field& field : fields) {
    if (field.id == FieldId::kConnection) for_each_list_element(field.value, visit);
  }
}

void remove_named(Fields& fields) {
  std::array<std::string_view, kMaxConnectionOptions> options;
  size_t count = 0;
  for_each_option(fields, [&](std::string_view option) {
    if (count < options.size() && !is_about_the_connection(option)) options[count++] = option;
  });
  fields.remove_if([&](const Field& field) {
    return !is_out_of_reach(field) &&
           std::any_of(options.begin(), options.begin() + count,
                       [&](std::string_view option) { return equals_ignoring_case(option, field.name); });
  });
}

}  // namespace

bool is_hop_by_hop(FieldId id) {
  switch (id) {
    case FieldId::kConnection:
    case FieldId::kContentLength:
    case FieldId::kHttp2Settings:
    case FieldId::kKeepAlive:
    case FieldId::kProxyConnection:
    case FieldId::kTe:
    case FieldId::kTransferEncoding:
    case FieldId::kUpgrade: return true;
    default: return false;
  }
}

void remove_connection_options(Fields& fields) {
  bool names_fields = false;
  for_each_option(fields, [&](std::string_view option) { names_fields |= !is_about_the_connection(option); });
  if (names_fields) remove_named(fields);
}

}  // namespace portcullis::http

#include "cache/vary.h"

#include <algorithm>

#include "base/text.h"

namespace portcullis::cache {
namespace {

// True for `a ;q=0.5`, false for `a;q=0`.
bool is_accepted(std::string_view parameters) {
  const size_t q = parameters.find("q=");
  if (q == std::string_view::npos) return true;
  const std::string_view weight = parameters.substr(q + 2);
  return weight.find_first_of("123456789") != std::string_view::npos;
}

// Appends the accepted codings, sorted: their weights only express preferences.
void append_codings(std::string& out, std::string_view list) {
  std::vector<std::string> codings;
  for_each_list_element(list, [&](std::string_view element) {
    const size_t end = std::min(element.find(';'), element.size());
    std::string coding = to_lower(trim(element.substr(0, end)));
    if (coding == "x-gzip") coding = "gzip";
    const bool accepted = is_accepted(to_lower(element.substr(end)));
    // Accepting `identity` explicitly is the same as not mentioning it.
    if (coding == "identity" && accepted) return;
    codings.push_back(accepted ? coding : "!" + coding);
  });
  std::sort(codings.begin(), codings.end());
  codings.erase(std::unique(codings.begin(), codings.end()), codings.end());
  // Without `*`, refusing a coding is the same as not mentioning it, except for `identity`.
  if (std::find(codings.begin(), codings.end(), "*") == codings.end())
    std::erase_if(codings, [](const std::string& one) { return one[0] == '!' && one != "!identity"; });
  for (const std::string& one : codings) (out += one) += ',';
}

// True for a field that the gateway writes itself, so the target received a different value than the client
// sent.
bool is_written_by_gateway(std::string_view name) {
  using http::FieldId;
  switch (http::identify_field(name)) {
    case FieldId::kClientCert:
    case FieldId::kForwarded:
    case FieldId::kVia:
    case FieldId::kXConsumer:
    case FieldId::kXForwardedFor:
    case FieldId::kXForwardedHost:
    case FieldId::kXRequestId: return true;
    default: return false;  // X-Forwarded-Proto: the scheme is part of the key
  }
}

}  // namespace

Vary read_vary(const http::Fields& response) {
  Vary out;
  for (const http::Field& field : response) {
    if (field.id != http::FieldId::kVary) continue;
    for_each_list_element(field.value, [&](std::string_view name) {
      if (name == "*" || is_written_by_gateway(name)) {
        out.any = true;
      } else {
        out.names.push_back(to_lower(name));
      }
    });
  }
  std::sort(out.names.begin(), out.names.end());
  out.names.erase(std::unique(out.names.begin(), out.names.end()), out.names.end());
  return out;
}

std::string_view selecting_values(const http::Fields& request, const std::vector<std::string>& names,
                                  Arena& arena) {
  if (names.empty()) return {};
  std::string out;
  for (const std::string& name : names) {
    const bool codings = name == "accept-encoding";
    const bool negotiates =
        codings || name == "accept" || name == "accept-language" || name == "accept-charset";
    std::string value;
    bool present = false;
    for (const http::Field& field : request) {
      if (!equals_ignoring_case(field.name, name)) continue;
      present = true;
      for_each_list_element(field.value, [&](std::string_view element) {
        if (!value.empty()) value += ',';
        value += element;
      });
    }
    if (!present) {
      out += '-';
    } else if (codings) {
      append_codings(out, value);
    } else {
      out += '=';
      out += negotiates ? to_lower(value) : value;
    }
    out += '\n';
  }
  return arena.copy(out);
}

}  // namespace portcullis::cache

#include "http/message.h"

#include "base/text.h"
#include "http/field_names.h"

namespace portcullis::http {

const Field* Fields::find(std::string_view name) const {
  for (const Field& field : *this) {
    if (equals_ignoring_case(field.name, name)) return &field;
  }
  return nullptr;
}

void Fields::remove(std::string_view name) {
  remove_if([name](const Field& field) { return equals_ignoring_case(field.name, name); });
}

void Fields::remove_all_spellings(std::string_view name) {
  remove_if([name](const Field& field) { return same_field_name(field.name, name); });
}

std::optional<std::string_view> after_scheme(std::string_view value, std::string_view scheme) {
  if (value.size() <= scheme.size() || value[scheme.size()] != ' ' ||
      !equals_ignoring_case(value.substr(0, scheme.size()), scheme))
    return std::nullopt;
  return trim(value.substr(scheme.size() + 1));
}

std::string_view reason_phrase(uint16_t status) {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 103: return "Early Hints";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 508: return "Loop Detected";
    default: return "";
  }
}

}  // namespace portcullis::http

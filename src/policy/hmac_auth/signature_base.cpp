#include "policy/hmac_auth/signature_base.h"

#include <map>
#include <set>

#include "base/text.h"
#include "http/query.h"

namespace portcullis::policy::hmac_auth {
namespace {

using Text = std::optional<std::string>;

// Host and port in lower case, without the default port of the scheme (RFC 9421 section 2.2.3).
std::string authority_of(const Context& context) {
  std::string out = to_lower(context.request.authority);
  const std::string_view port = context.uri.scheme == "https" ? ":443" : ":80";
  if (out.ends_with(port)) out.resize(out.size() - port.size());
  return out;
}

std::string path_of(const http::RequestHead& request) {
  return request.path.empty() ? "/" : std::string(request.path);
}

std::string query_of(const http::RequestHead& request) {
  return "?" + std::string(request.query);
}

// The percent-encoding of RFC 9421 section 2.2.8 (that of the URL standard for forms, with %20 for a space).
std::string reencode(std::string_view encoded) {
  return http::percent_encode(http::decode_query_text(encoded), "*-._");
}

// The parameters of the request's query by their encoded names. The query is parsed once, when the first
// parameter is asked for, however many parameters a signature covers.
class QueryParameters {
 public:
  explicit QueryParameters(std::string_view query) : query_(query) {}

  // The value of the parameter of that name; nothing when there is no such parameter, or more than one.
  Text value_of(const std::string& name) {
    if (!read_) read();
    const auto found = values_.find(name);
    return found == values_.end() ? std::nullopt : found->second;
  }

 private:
  void read() {
    read_ = true;
    http::for_each_query_parameter(query_,
                                   [this](std::string_view name, std::string_view value, std::string_view) {
                                     const auto [place, added] = values_.try_emplace(reencode(name));
                                     place->second = added ? Text(reencode(value)) : std::nullopt;
                                     return true;
                                   });
  }

  std::string_view query_;
  bool read_ = false;
  std::map<std::string, Text> values_;
};

Text derived(const std::string& name, const http::Parameters& parameters, const Context& context,
             QueryParameters& query) {
  const http::RequestHead& request = context.request;
  if (name == "@query-param") {
    const http::BareItem* which = parameters.size() == 1 ? http::find_parameter(parameters, "name") : nullptr;
    const auto* text = which == nullptr ? nullptr : std::get_if<std::string>(which);
    return text == nullptr ? std::nullopt : query.value_of(*text);
  }
  if (!parameters.empty()) return std::nullopt;
  if (name == "@method") return std::string(request.method);
  if (name == "@scheme") return std::string(context.uri.scheme);
  if (name == "@authority") return authority_of(context);
  if (name == "@path") return path_of(request);
  if (name == "@query") return query_of(request);
  if (name == "@request-target") return std::string(request.target);
  if (name == "@target-uri") {
    return std::string(context.uri.scheme) + "://" + authority_of(context) + path_of(request) +
           (request.has_query ? query_of(request) : "");
  }
  return std::nullopt;
}

// The values of a field's lines, joined (RFC 9421 section 2.1).
Text field(const std::string& name, const http::Parameters& parameters, const Context& context) {
  if (!parameters.empty() || name != to_lower(name)) return std::nullopt;
  Text out;
  for (const http::Field& one : context.request.fields) {
    if (!equals_ignoring_case(one.name, name)) continue;
    if (out) *out += ", ";
    if (!out) out.emplace();
    *out += trim(one.value);
  }
  return out;
}

}  // namespace

std::optional<std::string> signature_base(const http::InnerList& covered, const Context& context) {
  std::string out;
  std::set<std::string> seen;
  QueryParameters query(context.request.query);
  for (const http::Item& item : covered.items) {
    const auto* name = std::get_if<std::string>(&item.value);
    if (name == nullptr) return std::nullopt;
    const std::string identifier = http::serialize(item);
    // RFC 9421 section 2: each component at most once
    if (!seen.insert(identifier).second) return std::nullopt;
    const Text value = name->starts_with('@') ? derived(*name, item.parameters, context, query)
                                              : field(*name, item.parameters, context);
    if (!value) return std::nullopt;
    out.append(identifier).append(": ").append(*value).append("\n");
  }
  return out + "\"@signature-params\": " + http::serialize(covered);
}

}  // namespace portcullis::policy::hmac_auth

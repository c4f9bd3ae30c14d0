#include "control/explain_question.h"

#include <netinet/in.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "http/authority.h"
#include "runtime/ip_range.h"

namespace portcullis::control {
namespace {

using proxy::ListenerSettings;

constexpr const char* kAssumedClient = "127.0.0.1";

struct Url {
  std::string scheme{};     // in lower case; empty when the URL has no scheme
  std::string authority{};  // host and port; the port may be missing
  std::string target = "/";
};

// The end of the scheme of `text`; npos when there is no scheme.
size_t scheme_end(std::string_view text) {
  const size_t end = text.find("://");
  return end != std::string_view::npos && end > 0 && text.find_first_of("/?#") == end + 1
             ? end
             : std::string_view::npos;
}

// True when a text without a scheme begins with a host, as curl accepts it: "localhost:8080/x", "a.example".
bool begins_with_host(std::string_view text) {
  const std::string_view host = text.substr(0, text.find_first_of("/?#"));
  if (host.empty() || scheme_end(text) != std::string_view::npos) return false;
  return host.find_first_of(".:") != std::string_view::npos || host == "localhost";
}

// Why no request can be made of the URL `text`, or "". For CONNECT the text is an authority.
std::string problem_with_url(const std::string& text, const std::string& method) {
  if (const size_t scheme = scheme_end(text); scheme != std::string::npos) {
    const std::string name = to_lower(std::string_view(text).substr(0, scheme));
    return name == "http" || name == "https" ? ""
                                             : "`" + text + "`: a URL here begins with http:// or https://";
  }
  const bool known = text.empty() || std::string_view("/?#*").find(text[0]) != std::string_view::npos;
  return known || method == "CONNECT" || begins_with_host(text)
             ? ""
             : "`" + text + "` is neither a URL, as http://host/path, nor a path, as /path";
}

// Splits "http://host[:port]/path?query" or a path. A fragment is dropped, because clients do not send it.
Url split_url(std::string_view rest) {
  Url out;
  if (const size_t scheme = scheme_end(rest); scheme != std::string_view::npos) {
    out.scheme = to_lower(rest.substr(0, scheme));
    rest.remove_prefix(scheme + 3);
    const size_t end = std::min(rest.find_first_of("/?#"), rest.size());
    out.authority = rest.substr(0, end);
    // User and password are dropped, because clients do not send them in the URL.
    if (const size_t user = out.authority.rfind('@'); user != std::string::npos)
      out.authority.erase(0, user + 1);
    rest.remove_prefix(end);
  }
  rest = rest.substr(0, rest.find('#'));
  if (!rest.empty()) out.target = (rest[0] == '?' ? "/" : "") + std::string(rest);
  return out;
}

// The port that a client of this URL connects to; nothing when the URL has no host.
std::optional<uint16_t> port_of(const Url& url) {
  if (url.authority.empty()) return std::nullopt;
  const size_t colon = url.authority.rfind(':');
  if (colon != std::string::npos && url.authority.find(']', colon) == std::string::npos) {
    const auto port = parse_decimal(std::string_view(url.authority).substr(colon + 1));
    if (port && *port < 65'536) return static_cast<uint16_t>(*port);
  }
  return url.scheme == "https" ? 443 : 80;
}

// A score for how well a listener suits the URL.
int suitability(const ListenerSettings& listener, const Url& url) {
  const bool tls = url.scheme == "https";
  const bool same_tls = url.scheme.empty() || tls == (listener.tls != nullptr);
  const auto port = port_of(url);
  const bool same_port = port && listener.address.port() == *port;
  return (same_port && same_tls ? 4 : 0) + (same_tls ? 2 : 0) + (same_port ? 1 : 0);
}

std::string text_of(const ListenerSettings& listener) {
  return "`" + listener.name + "` (" + listener.address.to_string() + (listener.tls ? ", TLS)" : ")");
}

// The index of the listener; kNoListener when there are no listeners.
Result<size_t> choose_listener(const std::vector<ListenerSettings>& all, const std::string& name,
                               const Url& url, std::vector<std::string>& assumed) {
  if (!name.empty()) {
    std::vector<std::string> names;
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i].name == name || all[i].address_text == name) return i;
      names.push_back(all[i].name);
    }
    const std::string nearest = suggestion_for(name, {names.begin(), names.end()});
    return Error{"there is no listener `" + name + "`" +
                 (nearest.empty() ? "; there are: " + join(names) : nearest)};
  }
  if (all.empty()) {
    assumed.push_back("a listener without settings, since the configuration has none");
    return proxy::RehearsalRequest::kNoListener;
  }
  const auto best = std::max_element(all.begin(), all.end(), [&](const auto& a, const auto& b) {
    return suitability(a, url) < suitability(b, url);
  });
  const auto port = port_of(url);
  if (all.size() > 1 && (!port || best->address.port() != *port))
    assumed.push_back("the request comes to the listener " + text_of(*best));
  return static_cast<size_t>(best - all.begin());
}

bool is_one_line(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

// Writes the request in HTTP/1.1 (RFC 9112 section 3). Malformed requests are written, because the gateway is
// to judge them, but a question that would make two requests is an error.
Result<std::string> write_request(const Question& question, const Url& url) {
  const auto is_word = [](std::string_view text) {
    return is_one_line(text) && text.find(' ') == std::string_view::npos && !text.empty();
  };
  if (!is_word(question.method)) return Error{"`" + question.method + "` is not a method"};
  if (!is_one_line(url.target) || !is_one_line(url.authority))
    return Error{"`" + question.url + "` is not a URL: it has control characters"};
  // Spaces are encoded, as clients do.
  std::string target;
  for (const char c : url.target) target += c == ' ' ? "%20" : std::string(1, c);
  std::string host = url.authority, fields;
  bool has_length = false, has_host = false;
  for (const std::string& header : question.headers) {
    const size_t colon = header.find(':');
    if (colon == std::string::npos || colon == 0 || !is_one_line(header))
      return Error{"`" + header + "` is not a header: write `Name: value`"};
    const std::string name = to_lower(std::string_view(header).substr(0, colon));
    const std::string value(trim(std::string_view(header).substr(colon + 1)));
    // The first Host field replaces the host of the URL; a second one is written too, and the gateway refuses
    // it.
    if (name == "host" && !std::exchange(has_host, true)) {
      host = value;
      continue;
    }
    has_length |= name == "content-length" || name == "transfer-encoding";
    fields += header.substr(0, colon) + ": " + value + "\r\n";
  }
  if (!question.body.empty() && !has_length)
    fields += "Content-Length: " + std::to_string(question.body.size()) + "\r\n";
  return question.method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n" + fields + "\r\n" +
         question.body;
}

// The server name that a TLS client of that URL sends (RFC 6066 section 3); empty when the host is an
// address.
std::string server_name(const Url& url) {
  const std::string name = to_lower(http::host_of(url.authority));
  return name.starts_with('[') || IpAddress::parse(name) ? "" : name;
}

}  // namespace

Result<PutQuestion> put_question(const Question& question, const proxy::Snapshot& snapshot,
                                 policy::Purpose purpose) {
  PutQuestion out;
  out.assumed = question.assumed;
  std::string problem = problem_with_url(question.url, question.method);
  if (!problem.empty()) return Error{std::move(problem)};
  const bool lacks_scheme = question.method != "CONNECT" && begins_with_host(question.url);
  if (lacks_scheme) out.assumed.push_back("the URL is http://" + question.url);
  const Url url = split_url((lacks_scheme ? "http://" : "") + question.url);
  auto text = write_request(question, url);
  if (!text) return text.error();
  proxy::RehearsalRequest& request = out.request;
  request.text = std::move(*text);
  request.purpose = purpose;
  if (question.client.empty())
    out.assumed.push_back(std::string("the client's address is ") + kAssumedClient);
  const auto client = IpAddress::parse(question.client.empty() ? kAssumedClient : question.client);
  if (!client) return Error{"`" + question.client + "` is not an IP address"};
  char address[INET6_ADDRSTRLEN];
  request.peer.assign(address, client->write(address));
  const auto listener = choose_listener(snapshot.listeners, question.listener, url, out.assumed);
  if (!listener) return listener.error();
  request.listener = *listener;
  if (*listener == proxy::RehearsalRequest::kNoListener) {
    request.is_secure = url.scheme == "https";
    return out;
  }
  const ListenerSettings& settings = snapshot.listeners[*listener];
  out.listener = settings.name;
  // Behind a load balancer that sends PROXY headers, the header tells whether the client uses TLS.
  request.is_secure = settings.tls != nullptr || (!settings.proxy_protocol.empty() && url.scheme == "https");
  if (!request.is_secure && url.scheme == "https")
    out.assumed.push_back("the request comes without TLS, which the listener " + text_of(settings) +
                          " does not speak");
  if (request.is_secure && url.scheme == "http")
    out.assumed.push_back("the request comes by TLS, which the listener " + text_of(settings) + " speaks");
  if (!settings.tls) {
    if (!question.certificate.empty())
      out.assumed.push_back("no certificate is shown: the listener " + text_of(settings) +
                            " does not speak TLS");
    return out;
  }
  const std::string name = server_name(url);
  request.asked_for_certificate = settings.tls->asks_for(name);
  if (!request.asked_for_certificate && !question.certificate.empty())
    out.assumed.push_back("no certificate is shown: the listener " + text_of(settings) + " asks for none");
  auto certificate = settings.tls->judge(question.certificate, name);
  if (certificate) {
    request.certificate = std::move(*certificate);
  } else {
    out.handshake_fault = certificate.error().message;
  }
  return out;
}

}  // namespace portcullis::control

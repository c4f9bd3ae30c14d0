#include "redis/dialer.h"

#include <openssl/ssl.h>

#include <cstring>

#include "redis/host_name.h"
#include "redis/refusal.h"
#include "runtime/address.h"

namespace portcullis::redis {
namespace {

constexpr std::string_view kPrimaryRole = "master";  // as the command ROLE names it

// The host for which the certificate of the server at `address` must be valid.
std::string host_of(const std::string& address) {
  const auto place = split_host_port(address);
  return place ? place->host : "";
}

std::string describe(const tls::HandshakeResult& shaken, const tls::Session& session) {
  if (shaken.timed_out) return "the TLS handshake timed out";
  const long verified = SSL_get_verify_result(session.ssl());
  if (verified != X509_V_OK)
    return std::string("its certificate is not accepted: ") + X509_verify_cert_error_string(verified);
  return "the TLS handshake failed: " + shaken.failure;
}

}  // namespace

Request greeting(const Access& access) {
  Request out;
  if (!access.password.empty() && !access.username.empty()) {
    out.add({"AUTH", access.username, access.password});
  } else if (!access.password.empty()) {
    out.add({"AUTH", access.password});
  }
  if (access.database != 0) out.add({"SELECT", std::to_string(access.database)});
  return out;
}

Dialer::Dialer(EventLoop& loop, SidePool* pool, Access access, std::shared_ptr<TlsSource> tls,
               Milliseconds timeout)
    : loop_(loop),
      pool_(pool),
      access_(std::move(access)),
      tls_(std::move(tls)),
      patience_(std::max(timeout, kMinPatience)) {}

Dialer::Found Dialer::find(const std::string& address, TlsSource& tls, Milliseconds timeout) {
  Found out;
  if (SocketAddress::parse(address)) {
    out.address = address;
  } else if (const auto place = split_host_port(address)) {
    const std::string host = reachable_address(place->host, place->port, timeout);
    if (host.empty()) return {.fault = "the host name cannot be resolved"};
    out.address = host.find(':') == std::string::npos ? host : "[" + host + "]";
    out.address += ":" + std::to_string(place->port);
  } else {
    return {.fault = "the address is invalid"};
  }
  if (!tls.enabled()) return out;
  auto context = tls.get();
  if (!context) return {.fault = context.error().message};
  out.tls = std::move(*context);
  return out;
}

Task<Dialer::Found> Dialer::prepare(std::string address) {
  const std::string its_address = std::move(address);
  if (!tls_->enabled() && SocketAddress::parse(its_address)) co_return Found{.address = its_address};
  const Milliseconds timeout = std::min(patience_, kMaxPatience) / 10;  // for each address of a name
  if (pool_ == nullptr) co_return find(its_address, *tls_, timeout);
  std::function<Found()> work = [place = its_address, tls = tls_, timeout] {
    return find(place, *tls, timeout);
  };
  std::optional<Found> found = co_await pool_->run(loop_, std::move(work));
  if (!found) co_return Found{.fault = "too much other work waits"};
  co_return std::move(*found);
}

Task<Status> Dialer::secure(Stream& stream, const std::string& address, const tls::ClientContext& context) {
  const std::string& name = tls_->settings().server_name;
  std::unique_ptr<tls::Session> made =
      context.make_session(name.empty() ? host_of(address) : name, nullptr, nullptr);
  if (!made) co_return Error{"there is no memory for TLS"};
  tls::Session& session = *made;
  stream.set_codec(std::move(made));
  const tls::HandshakeResult shaken = co_await session.handshake(stream, nullptr, patience_);
  if (!shaken.ok) co_return Error{describe(shaken, session)};
  co_return Status();
}

Task<Dialed> Dialer::dial(Connection& connection, std::string address, Role role) {
  const Found found = co_await prepare(address);
  if (!found.fault.empty()) co_return Dialed::unreachable(found.fault);
  const auto place = SocketAddress::parse(found.address);
  if (!place) co_return Dialed::unreachable("the address is invalid");
  const IoResult connected = co_await connection.stream.connect(*place, patience_);
  if (!connected.ok())
    co_return Dialed::unreachable(std::string("the connection failed: ") + std::strerror(connected.error));
  if (found.tls) {
    if (const Status secured = co_await secure(connection.stream, address, *found.tls); !secured)
      co_return Dialed::unreachable(secured.error().message);
  }
  co_return co_await greet(connection, role);
}

Task<Dialed> Dialer::greet(Connection& connection, Role role) {
  Request request = greeting(access_);
  const size_t logins = request.replies;
  request.add({role == Role::kPrimary ? "ROLE" : "PING"});
  const Result<std::vector<Reply>> replies = co_await connection.ask(std::move(request), patience_);
  if (!replies) {
    const char* hint = !tls_->enabled()                ? " (does it expect `tls`?)"
                       : tls_->settings().cert.empty() ? " (does it expect a certificate, `tls.cert`?)"
                                                       : "";
    const bool closed = replies.error().message == "the connection was lost";
    co_return Dialed::unreachable(closed ? std::string("it closes new connections") + hint
                                         : replies.error().message);
  }
  for (size_t i = 0; i < logins; ++i) {
    if ((*replies)[i].is_error()) co_return Dialed{Dialed::Outcome::kRefused, (*replies)[i].text};
  }
  const Reply& last = replies->back();
  if (is_for_strangers(last.text) && last.is_error()) co_return Dialed{Dialed::Outcome::kRefused, last.text};
  if (role == Role::kAny) co_return Dialed{};  // any answer tells that the server is there
  if (last.is_error()) co_return Dialed{Dialed::Outcome::kRefused, last.text};
  const bool is_primary = !last.list.empty() && last.list.front().text == kPrimaryRole;
  if (!is_primary) co_return Dialed::unreachable("it is a replica, so a failover is not complete");
  co_return Dialed{};
}

}  // namespace portcullis::redis

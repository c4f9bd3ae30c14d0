#include "control/admin/guard.h"

#include <algorithm>

#include "base/text.h"
#include "control/admin/problem.h"
#include "crypto/encoding.h"
#include "http/authority.h"
#include "http/query.h"
#include "runtime/ip_range.h"

namespace portcullis::control {

namespace {

constexpr char kSessionCookie[] = "portcullis_session";

std::string_view field_of(const http::RequestHead& request, std::string_view name) {
  const http::Field* field = request.fields.find(name);
  return field != nullptr ? field->value : std::string_view();
}

std::string digest_text(std::string_view of) {
  return std::string(crypto::text_of(crypto::sha256(of)));
}

}  // namespace

AdminGuard::AdminGuard(EventLoop& loop, const config::Admin& admin)
    : loop_(&loop), hosts_(admin.hosts), secure_(admin.tls.enabled()) {
  for (const config::AdminToken& told : admin.tokens) {
    const auto bytes =
        crypto::hex_decode(std::string_view(told.hash).substr(std::string_view("sha256:").size()));
    Token& token = tokens_.emplace_back(Token{{told.name, told.role, told.labels, true}, {}});
    if (bytes)
      std::copy_n(bytes->begin(), std::min(bytes->size(), token.digest.size()), token.digest.begin());
  }
}

const AdminGuard::Token* AdminGuard::token_of(std::string_view presented) const {
  const crypto::Digest256 digest = crypto::sha256(presented);
  const Token* found = nullptr;
  for (const Token& token : tokens_) {
    if (crypto::equal_in_constant_time(token.digest, digest)) found = &token;
  }
  return found;
}

const AdminGuard::Token* AdminGuard::bearer_of(const http::RequestHead& request) const {
  constexpr std::string_view kScheme = "bearer ";
  const std::string_view value = field_of(request, "authorization");
  if (value.size() <= kScheme.size() || to_lower(value.substr(0, kScheme.size())) != kScheme) return nullptr;
  return token_of(trim(value.substr(kScheme.size())));
}

const AdminGuard::Token* AdminGuard::session_of(const http::RequestHead& request) {
  const auto id = http::find_cookie(request.fields, kSessionCookie);
  if (!id) return nullptr;
  const auto found = sessions_.find(digest_text(*id));
  if (found == sessions_.end()) return nullptr;
  if (found->second.until > loop_->now()) return found->second.token;
  sessions_.erase(found);
  return nullptr;
}

bool AdminGuard::knows_host(std::string_view authority) const {
  const std::string host = to_lower(http::host_of(authority));
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (IpAddress::parse(bracketed ? std::string_view(host).substr(1, host.size() - 2) : host)) return true;
  return std::any_of(hosts_.begin(), hosts_.end(),
                     [&host](const std::string& one) { return to_lower(one) == host; });
}

std::optional<ServerAnswer> AdminGuard::refuse(const http::RequestHead& request,
                                               std::optional<config::AdminRole> needed, Caller& caller) {
  const Token* bearer = bearer_of(request);  // a page of another site cannot know a bearer token
  if (bearer == nullptr && needed && !knows_host(request.authority))
    return refuse_call(421,
                       "`" + std::string(http::host_of(request.authority)) +
                           "` is not a name of the admin listener: add it to `admin.hosts`, or use an IP "
                           "address or `localhost`");
  if (request.method != "GET" && request.method != "HEAD") {
    const std::string_view origin = field_of(request, "origin"), site = field_of(request, "sec-fetch-site");
    const std::string own = (secure_ ? "https://" : "http://") + std::string(request.authority);
    if ((!origin.empty() && origin != own) || (!site.empty() && site != "same-origin" && site != "none"))
      return refuse_call(403, "requests from the web page of another site are refused");
  }
  if (tokens_.empty() || !needed) return std::nullopt;
  const Token* token = bearer != nullptr ? bearer : session_of(request);
  if (token == nullptr)
    return refuse_call(401, "a token is needed: send it as `Authorization: Bearer TOKEN`",
                       "www-authenticate: Bearer\r\n");
  caller = token->holder;
  if (includes(caller.role, *needed)) return std::nullopt;
  return refuse_call(403, "the role `" + std::string(name_of(*needed)) + "` is needed, and the token `" +
                              caller.name + "` has the role `" + std::string(name_of(caller.role)) + "`");
}

std::string AdminGuard::cookie(const std::string& id, long seconds) const {
  return "set-cookie: " + std::string(kSessionCookie) + "=" + id + "; Path=/; HttpOnly; SameSite=Strict" +
         (secure_ ? "; Secure" : "") + "; Max-Age=" + std::to_string(seconds) + "\r\n";
}

Task<ServerAnswer> AdminGuard::log_in(const ServerRequest& request, Caller& caller) {
  const Token* token = token_of(trim(request.body));
  ServerAnswer out;
  if (token == nullptr) {
    co_await sleep_for(*loop_, kPauseAfterWrongToken);
    out = refuse_call(401, "this token is not known");
    co_return out;
  }
  caller = token->holder;
  std::erase_if(sessions_, [this](const auto& one) { return one.second.until <= loop_->now(); });
  if (sessions_.size() >= kMaxSessions) sessions_.clear();
  const std::string id = crypto::hex_encode(crypto::random_bytes(32));
  sessions_[digest_text(id)] = {token, loop_->now() + kSessionLife};
  out = {.status = 204, .fields = cookie(id, std::chrono::seconds(kSessionLife).count())};
  co_return out;
}

ServerAnswer AdminGuard::log_out(const ServerRequest& request) {
  sessions_.erase(digest_text(http::find_cookie(request.head.fields, kSessionCookie).value_or("")));
  return {.status = 204, .fields = cookie("", 0)};
}

}  // namespace portcullis::control

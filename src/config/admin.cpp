#include "config/admin.h"

#include "config/field_types.h"
#include "config/labels.h"
#include "runtime/address.h"

namespace portcullis::config {
namespace {

std::string check_host_name(const std::string& name) {
  const bool good = !name.empty() && name.find_first_of(" /:*") == std::string::npos;
  return good ? "" : "`" + name + "` is not a name: write admin.internal, without a port";
}

void check_tokens(const Admin& admin, Diagnostics& diagnostics) {
  for (size_t i = 0; i < admin.tokens.size(); ++i) {
    const AdminToken& token = admin.tokens[i];
    if (!token.labels.empty() && token.role != AdminRole::kPublisher)
      diagnostics.error(token.location, "`labels` limit a token with the role `publisher`, and the token `" +
                                            token.name + "` has the role `" +
                                            std::string(portcullis::name_of(token.role)) + "`");
    for (size_t j = 0; j < i; ++j) {
      if (token.name == admin.tokens[j].name)
        diagnostics.error(admin.location, "two tokens are named `" + token.name + "`");
    }
  }
}

}  // namespace

Type<Admin> admin_type() {
  auto token =
      std::make_shared<ObjectType<AdminToken>>("token", "A token that gives access to the admin listener.");
  token
      ->required("name", &AdminToken::name, name_type(),
                 "The name of the holder of the token, for the audit log.")
      .required("hash", &AdminToken::hash, key_hash_type(),
                "`sha256:` and the hexadecimal SHA-256 of the token; `portcullis generate-key` makes a token "
                "and its hash.")
      .optional("role", &AdminToken::role, choice<AdminRole>(),
                "What the token allows; each role includes those before it. `viewer`: reading, as Prometheus "
                "does. `operator`: operations, such as reloading, purging the cache and draining targets. "
                "`publisher`: changing the configuration. `admin`: everything.")
      .optional(
          "labels", &AdminToken::labels, labels_type(),
          "With the role `publisher`: the token may change only objects that have these labels, before "
          "and after the change. Names and values consist of letters, digits, `.`, `_` and `-`, at most "
          "63 of them.")
      .default_in_words("all objects")
      .locate(&AdminToken::location);
  auto admin = std::make_shared<ObjectType<Admin>>(
      "admin",
      "The listener for operators: the dashboard, the admin API, `/metrics`, `/healthz`, `/readyz`.");
  admin->locate(&Admin::location)
      .optional("address", &Admin::address, address_type(),
                "`host:port`, `[IPv6]:port` or `unix:/path`; keep it away from clients. When other machines "
                "can reach the address, the listener needs `tokens`, or `tls` with `client_certificate: "
                "required`. A change needs a restart.")
      .locate_last(&Admin::address_location)
      .optional(
          "mode", &Admin::mode, socket_mode_type(),
          "Permissions of the file of a Unix socket, as for `listeners[].mode`. A change needs a restart.")
      .default_in_words("by the umask, without access for other users")
      .optional("group", &Admin::group, text("www-data"),
                "The group of the file of a Unix socket. A change needs a restart.")
      .default_in_words("the group of the process")
      .optional("tls", &Admin::tls, listener_tls_type(), "TLS towards operators.")
      .default_in_words("plain HTTP")
      .optional(
          "tokens", &Admin::tokens, list_of<AdminToken>(token),
          "Tokens that give access to the admin listener, by `Authorization: Bearer TOKEN` or by logging in "
          "to the dashboard. With `tokens`, every request needs one, except for `/healthz` and `/readyz`.")
      .optional("hosts", &Admin::hosts,
                list_of<std::string>(checked_text("a host", "", "gateway.internal", check_host_name)),
                "Names by which browsers may reach the admin listener, in addition to IP addresses and "
                "`localhost`. A web page can make its own name point to this machine, so requests for other "
                "names are refused, unless they have a token.");
  admin
      ->optional("writes", &Admin::writes, choice<AdminWrites>(),
                 "Where listeners, upstreams, routes, consumers, plans, policy sets, policies, assertions "
                 "and errors "
                 "can be changed: in `files` alone; through the `api` alone, so that files may have "
                 "listeners and settings of "
                 "the node only; or in `both`, where an object of a file can be changed in that file alone.")
      .default_in_words("`both` with a `store`, `files` without");
  return admin;
}

void check_admin(const Admin& admin, Diagnostics& diagnostics) {
  if (!admin.enabled()) return;
  check_socket_file(admin.address, admin.mode, admin.group, admin.location, diagnostics);
  const auto address = SocketAddress::parse(admin.address);
  const bool asks = !admin.tokens.empty() || admin.tls.client_certificate == ClientCertificate::kRequired;
  if (address && !address->is_local() && !asks)
    diagnostics.error(
        admin.address_location,
        "others than this machine can reach `" + admin.address +
            "`: give `admin` `tokens`, or `tls` with `client_certificate: required`; or bind it "
            "to 127.0.0.1, [::1] or a Unix socket");
  if (address && !address->is_local() && !admin.tls.enabled() && !admin.tokens.empty())
    diagnostics.warning(admin.address_location, "tokens go to `" + admin.address +
                                                    "` without TLS: every machine on the way can read them");
  check_tokens(admin, diagnostics);
}

}  // namespace portcullis::config

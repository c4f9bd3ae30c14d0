#include "config/admin.h"

#include "config/field_types.h"
#include "runtime/address.h"

namespace portcullis::config {
namespace {

std::string check_host_name(const std::string& name) {
  const bool good = !name.empty() && name.find_first_of(" /:*") == std::string::npos;
  return good ? "" : "`" + name + "` is not a name: write admin.internal, without a port";
}

}  // namespace

Type<Admin> admin_type() {
  auto token =
      std::make_shared<ObjectType<AdminToken>>("token", "One of those who may use the admin listener.");
  token->required("name", &AdminToken::name, name_type(), "Who it is: the audit log says so.")
      .required("hash", &AdminToken::hash, key_hash_type(),
                "`sha256:` and the hexadecimal SHA-256 of the token; `portcullis generate-key` makes both.")
      .optional("access", &AdminToken::access, choice<AdminAccess>(),
                "`read`: may look, as Prometheus does, but change nothing.");
  auto admin = std::make_shared<ObjectType<Admin>>(
      "admin",
      "The listener for operators: the dashboard, the admin API, `/metrics`, `/healthz`, `/readyz`.");
  admin->locate(&Admin::location)
      .optional(
          "address", &Admin::address, address_type(),
          "`host:port`, `[IPv6]:port` or `unix:/path`; keep it away from clients. Where others than this "
          "machine can reach it, it needs `tokens`, or `tls` with `client_certificate: required`. A "
          "change needs a restart.")
      .locate_last(&Admin::address_location)
      .optional("mode", &Admin::mode, socket_mode_type(),
                "Permissions of a Unix socket's file, as a listener's. A change needs a restart.")
      .default_in_words("what the umask leaves, without other users")
      .optional("group", &Admin::group, text("www-data"),
                "The group that a Unix socket's file belongs to. A change needs a restart.")
      .default_in_words("the process's")
      .optional("tls", &Admin::tls, listener_tls_type(), "TLS towards operators.")
      .default_in_words("plain HTTP")
      .optional(
          "tokens", &Admin::tokens, list_of<AdminToken>(token),
          "Who may use it, by `Authorization: Bearer TOKEN`, or by logging in to the dashboard. All but "
          "`/healthz` and `/readyz` then takes one.")
      .optional("hosts", &Admin::hosts,
                list_of<std::string>(checked_text("a host", "", "gateway.internal", check_host_name)),
                "Names by which browsers may reach it, beside addresses and `localhost`. A page on the web "
                "can make its own name mean this machine; requests for names that are not here are refused, "
                "but those with a token.");
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
  for (size_t i = 0; i < admin.tokens.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (admin.tokens[i].name == admin.tokens[j].name)
        diagnostics.error(admin.location, "two tokens are named `" + admin.tokens[i].name + "`");
    }
  }
}

}  // namespace portcullis::config

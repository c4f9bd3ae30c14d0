#include "config/discovery.h"

#include "base/read_file.h"
#include "config/field_types.h"
#include "config/marked_type.h"
#include "config/upstream.h"
#include "config/value_types.h"
#include "config/yaml.h"

namespace portcullis::config {

Type<SourceTls> source_tls_type() {
  auto type = std::make_shared<ObjectType<SourceTls>>(
      "source_tls", "Authorities for the server's certificate, and the client certificate of the gateway.");
  type->optional("ca", &SourceTls::ca, file_path("/etc/portcullis/consul-ca.pem"),
                 "A PEM file of the authorities that may have issued the server's certificate.")
      .default_in_words("the system's")
      .optional("cert", &SourceTls::cert, file_path("/etc/portcullis/client.crt"),
                "A PEM file: the certificate that the gateway shows to the server, then its chain.")
      .optional("key", &SourceTls::key, file_path("/etc/portcullis/client.key"),
                "The PEM file of its private key.");
  return type;
}

std::string Discover::describe() const {
  if (!srv.empty()) return "srv " + srv;
  if (!file.empty()) return "file " + file;
  if (!consul.service.empty()) return "consul " + consul.url + " " + consul.service;
  return "etcd " + etcd.urls.front() + " " + etcd.prefix;
}

Type<Discover> discover_type() {
  const Type<SourceTls> tls = source_tls_type();
  auto consul =
      std::make_shared<ObjectType<Consul>>("consul", "The healthy instances of a service in Consul.");
  consul->required("service", &Consul::service, text("orders"), "The name of the service.")
      .optional("url", &Consul::url, url_type(), "The URL of the Consul agent.")
      .optional("tag", &Consul::tag, text("v2"), "Only instances with this tag.")
      .default_in_words("any")
      .optional("datacenter", &Consul::datacenter, text("eu-1"), "The data center.")
      .default_in_words("the agent's data center")
      .optional("token", &Consul::token, secret(text("'${CONSUL_TOKEN}'")),
                "Best `${VARIABLE}` or `${file:...}`.")
      .optional("tls", &Consul::tls, tls, "Settings of TLS, for `https` URLs.");
  auto etcd =
      std::make_shared<ObjectType<Etcd>>("etcd",
                                         "The keys below a prefix in etcd (version 3). The value of each key "
                                         "is a target as in `targets`, in JSON, or only an address.");
  etcd->required("prefix", &Etcd::prefix, text("/services/orders/"),
                 "The prefix of the keys, such as `/services/orders/`.")
      .optional(
          "urls", &Etcd::urls, non_empty(one_or_list_of<std::string>(url_type())),
          "URLs of the members of the cluster. When a member does not answer, the gateway asks the next one.")
      .optional("username", &Etcd::username, text("gateway"), "The user, for a cluster that has users.")
      .optional("password", &Etcd::password, secret(text("'${ETCD_PASSWORD}'")),
                "Best `${VARIABLE}` or `${file:...}`.")
      .optional("tls", &Etcd::tls, tls, "Settings of TLS, for `https` URLs.");
  auto type =
      std::make_shared<ObjectType<Discover>>("discover",
                                             "A source of targets: one of these. While the source cannot be "
                                             "reached, the targets that it named last stay in use.");
  type->locate(&Discover::location)
      .optional("srv", &Discover::srv, text("_orders._tcp.example.com"),
                "A name with SRV records (RFC 2782), such as `_orders._tcp.example.com`. The records have "
                "the priorities, weights and ports of the targets, and are looked up again when their time "
                "to live is over.")
      .optional("file", &Discover::file, file_path("/etc/portcullis/targets/orders.yaml"),
                "A file with a list as in `targets`, in YAML or JSON, which is read again when it changes. A "
                "relative path begins at the folder of the configuration file that names it.")
      .optional("consul", &Discover::consul, consul, "A service in Consul.")
      .optional("etcd", &Discover::etcd, etcd, "Keys in etcd.");
  return type;
}

std::vector<Target> load_targets(const std::string& text, const std::string& name, Diagnostics& diagnostics) {
  std::vector<Target> out;
  if (const auto root = parse_yaml(text, name, diagnostics))
    list_of(target_type()).load(*root, out, diagnostics);
  return out;
}

Result<std::vector<Target>> read_targets(const std::string& path, Diagnostics& diagnostics) {
  const auto text = read_file(path);
  if (!text) return text.error();
  if (text->empty()) return Error{"it is empty"};
  return load_targets(*text, path, diagnostics);
}

Target load_target(const std::string& text, const std::string& name, Diagnostics& diagnostics) {
  Target out;
  const auto root = parse_yaml(text, name, diagnostics);
  if (!root) return out;
  if (root->kind == YamlNode::Kind::kScalar) {
    out.address = root->scalar;
    if (const std::string problem = check_target_address(out.address); !problem.empty())
      diagnostics.error(root->location, problem);
  } else {
    target_type().load(*root, out, diagnostics);
  }
  return out;
}

void check_discover(const Discover& discover, Diagnostics& diagnostics) {
  const bool consul = !discover.consul.service.empty(), etcd = !discover.etcd.prefix.empty();
  if (!discover.srv.empty() + !discover.file.empty() + consul + etcd != 1)
    diagnostics.error(discover.location,
                      "`discover` needs exactly one of `srv`, `file`, `consul` and `etcd`");
  if (discover.file.empty()) return;
  const auto targets = read_targets(discover.location.beside(discover.file), diagnostics);
  if (!targets)
    diagnostics.error(discover.location, "cannot read `" + discover.file + "`: " + targets.error().message);
}

}  // namespace portcullis::config

#include "control/tls_setup.h"

#include <chrono>
#include <filesystem>

#include "base/wall_clock.h"

namespace portcullis::control {
namespace {

using config::Diagnostics;
using std::chrono::seconds;

template <typename To>
To floor_to(std::chrono::milliseconds duration) {
  return std::chrono::floor<To>(duration);
}

tls::CertificateFiles files_of(const config::TlsCertificate& told) {
  return {told.location.beside(told.cert), told.location.beside(told.key), told.location.beside(told.ocsp)};
}

// Collects the certificates of a listener by name. Certificates whose names are configured are not read yet,
// except the first. `problem` is called with the location of each certificate that cannot be read, and the
// error.
template <typename Problem>
tls::CertificateNames collect(const config::ListenerTls& settings, TlsState& state, Problem problem) {
  tls::CertificateNames out;
  for (const config::TlsCertificate& told : settings.certificates) {
    const auto entry = state.certificates.get(files_of(told));
    std::vector<std::string> names = told.names;
    const bool first = out.empty();
    if (names.empty() || first) {
      const auto loaded = entry->load();
      if (!loaded) {
        problem(told.location, loaded.error().message);
        continue;
      }
      if (names.empty()) names = (*loaded)->names();
    }
    if (first) out.add_default(entry);
    for (const std::string& name : names) out.add(name, entry);
  }
  const std::string folder = settings.location.beside(settings.certificate_folder);
  if (folder.empty()) return out;
  for (const auto& [name, files] : tls::list_certificates(folder)) {
    const auto entry = state.certificates.get(files);
    if (out.empty()) out.add_default(entry);
    out.add(name, entry);
  }
  return out;
}

Result<std::shared_ptr<tls::TicketKeys>> tickets_of(const config::Listener& listener, TlsState& state) {
  const config::SessionTickets& told = listener.tls.session_tickets;
  if (!told.enabled) return std::shared_ptr<tls::TicketKeys>();
  const seconds rotation = floor_to<seconds>(told.rotation), lifetime = floor_to<seconds>(told.lifetime);
  if (!told.key_files.empty()) {
    std::vector<std::string> files;
    for (const std::string& file : told.key_files) files.push_back(listener.tls.location.beside(file));
    return tls::TicketKeys::from_files(files, lifetime);
  }
  std::shared_ptr<tls::TicketKeys>& kept = state.tickets[listener.name];
  if (!kept || kept->rotation() != rotation || kept->lifetime() != lifetime)
    kept = std::make_shared<tls::TicketKeys>(rotation, lifetime);
  return kept;
}

tls::ServerSettings settings_of(const config::Listener& listener) {
  const config::ListenerTls& told = listener.tls;
  tls::ServerSettings out{told};
  out.name = listener.name;
  out.refuse_unknown_names = told.unknown_names == config::UnknownNames::kRefuse;
  out.client_ca = told.location.beside(told.client_ca);
  out.client_crl = told.location.beside(told.client_crl);
  out.client_hosts = NamePatterns(told.client_certificate_hosts);
  out.protocols = {"http/1.1", "http/1.0"};
  if (listener.http2.enabled) out.protocols.insert(out.protocols.begin(), "h2");
  return out;
}

Result<std::shared_ptr<const tls::ServerContext>> make_server_context(const config::Listener& listener,
                                                                      tls::CertificateNames names,
                                                                      TlsState& state) {
  tls::ServerSettings settings = settings_of(listener);
  auto tickets = tickets_of(listener, state);
  if (!tickets) return tickets.error();
  settings.tickets = *tickets;
  return tls::ServerContext::make(settings, std::move(names));
}

void warn_of_certificate(const config::TlsCertificate& told, TlsState& state, Diagnostics& diagnostics) {
  const tls::CertificateFiles files = files_of(told);
  if (const std::string fault = tls::fault_of_permissions(files.key); !fault.empty())
    diagnostics.warning(told.location, fault);
  const auto certificate = state.certificates.get(files)->current();
  if (!certificate) return;
  const auto left = std::chrono::floor<std::chrono::hours>(certificate->not_after() - current_second());
  constexpr std::chrono::hours kSoon{14 * 24};
  if (left < std::chrono::hours(0)) {
    diagnostics.warning(told.location, "the certificate `" + told.cert + "` has expired");
  } else if (left < kSoon) {
    diagnostics.warning(told.location, "the certificate `" + told.cert + "` expires in " +
                                           std::to_string(left.count() / 24) + " days");
  }
}

void check_listener(const config::Listener& listener, TlsState& state, Diagnostics& diagnostics) {
  const config::ListenerTls& settings = listener.tls;
  if (!config::check_listener_tls(settings, diagnostics)) return;
  if (settings.kernel && !tls::kernel_speaks_tls())
    diagnostics.warning(
        settings.location,
        "`kernel: true` has no effect: the kernel of this machine does not support TLS (module `tls`)");
  bool complete = true;
  // The certificates that are read here stay loaded while `names` refers to them.
  auto names = collect(settings, state, [&](const config::Location& place, const std::string& message) {
    diagnostics.error(place, message);
    complete = false;
  });
  if (!complete) return;
  for (const config::TlsCertificate& told : settings.certificates)
    warn_of_certificate(told, state, diagnostics);
  if (const auto made = make_server_context(listener, std::move(names), state); !made)
    diagnostics.error(settings.location, made.error().message);
}

void check_upstream(const config::Upstream& upstream, TlsState& state, Diagnostics& diagnostics) {
  const config::UpstreamTls& settings = upstream.tls;
  if (!config::check_upstream_tls(settings, diagnostics)) return;
  if (!settings.verify)
    diagnostics.warning(settings.location,
                        "targets of `" + upstream.name +
                            "` are not verified: any machine on the way can answer in their place");
  if (const std::string fault = tls::fault_of_permissions(settings.location.beside(settings.key));
      !fault.empty())
    diagnostics.warning(settings.location, fault);
  for (const config::Target& target : upstream.targets) {
    if (settings.verify && settings.server_name.empty() && target.address.starts_with("unix:"))
      diagnostics.error(target.location,
                        "a Unix socket has no name to verify: the upstream's `tls` needs `server_name`");
  }
  if (const auto made = make_client_context(upstream, state); !made)
    diagnostics.error(settings.location, made.error().message);
}

// The gateway reads the files for each connection to Redis, so the context is made here only to find faults.
void check_redis(const config::UpstreamTls& settings, Diagnostics& diagnostics) {
  if (!settings.enabled() || !config::check_upstream_tls(settings, diagnostics)) return;
  if (!settings.verify)
    diagnostics.warning(
        settings.location,
        "the Redis servers are not verified: any machine on the way can answer in their place");
  if (const std::string fault = tls::fault_of_permissions(settings.location.beside(settings.key));
      !fault.empty())
    diagnostics.warning(settings.location, fault);
  tls::ClientSettings told{settings};
  told.ca = settings.location.beside(settings.ca);
  told.certificate = settings.location.beside(settings.cert);
  told.key = settings.location.beside(settings.key);
  if (const auto made = tls::ClientContext::make(told); !made)
    diagnostics.error(settings.location, made.error().message);
}

}  // namespace

Result<std::shared_ptr<const tls::ServerContext>> make_server_context(const config::Listener& listener,
                                                                      TlsState& state) {
  std::string fault;
  tls::CertificateNames names = collect(
      listener.tls, state, [&](const config::Location&, const std::string& message) { fault = message; });
  if (!fault.empty()) return Error{fault};
  return make_server_context(listener, std::move(names), state);
}

Result<std::shared_ptr<const tls::ClientContext>> make_client_context(const config::Upstream& upstream,
                                                                      TlsState& state) {
  const config::UpstreamTls& told = upstream.tls;
  tls::ClientSettings settings{told};
  settings.ca = told.location.beside(told.ca);
  settings.certificate = told.location.beside(told.cert);
  settings.key = told.location.beside(told.key);
  if (upstream.protocol != config::Protocol::kHttp1) settings.protocols.push_back("h2");
  if (upstream.protocol != config::Protocol::kHttp2) settings.protocols.push_back("http/1.1");
  const std::string key = std::to_string(static_cast<int>(settings.min_version)) +
                          (settings.verify ? "v" : "-") +
                          std::to_string(static_cast<int>(upstream.protocol)) + settings.ciphers + "\n" +
                          tls_fingerprint({settings.ca, settings.certificate, settings.key});
  std::erase_if(state.clients, [](const auto& one) { return one.second.expired(); });
  if (auto known = state.clients[key].lock()) return known;
  auto made = tls::ClientContext::make(settings);
  if (made) state.clients[key] = *made;
  return made;
}

std::string hsts_of(const config::Hsts& hsts) {
  const auto age = floor_to<seconds>(hsts.max_age).count();
  if (age == 0) return "";
  return "max-age=" + std::to_string(age) + (hsts.include_subdomains ? "; includeSubDomains" : "") +
         (hsts.preload ? "; preload" : "");
}

config::Listener as_listener(const config::Admin& admin) {
  config::Listener out;
  out.name = "admin";
  out.location = admin.location;
  out.tls = admin.tls;
  out.http2.enabled = false;
  return out;
}

void load_certificates(const config::Config& config, TlsState& state) {
  for (const config::Listener& listener : config.listeners) {
    const config::ListenerTls& tls = listener.tls;
    for (const config::TlsCertificate& told : tls.certificates)
      (void)state.certificates.get(files_of(told))->load();
    if (tls.certificate_folder.empty()) continue;
    for (const auto& [name, files] : tls::list_certificates(tls.location.beside(tls.certificate_folder)))
      (void)state.certificates.get(files)->load();
  }
}

void check_tls(const config::Config& config, TlsState& state, Diagnostics& diagnostics) {
  if (config.admin.tls.enabled()) check_listener(as_listener(config.admin), state, diagnostics);
  for (const config::Listener& listener : config.listeners) {
    if (listener.tls.enabled()) check_listener(listener, state, diagnostics);
    if (listener.tls.enabled() && listener.redirect_to_https.port != 0)
      diagnostics.error(listener.location,
                        "`" + listener.name + "` has both `tls` and `redirect_to_https`: remove one of them");
  }
  for (const config::Upstream& upstream : config.upstreams) {
    if (upstream.tls.enabled()) check_upstream(upstream, state, diagnostics);
  }
  check_redis(config.redis.tls, diagnostics);
  check_redis(config.redis.sentinel_tls, diagnostics);
}

std::vector<std::string> tls_files(const config::Config& config) {
  std::vector<std::string> out;
  const auto add = [&](const config::Location& location, const std::string& path) {
    if (!path.empty()) out.push_back(location.beside(path));
  };
  const auto add_listener = [&](const config::ListenerTls& tls) {
    for (const config::TlsCertificate& one : tls.certificates) {
      for (const std::string& path : {one.cert, one.key, one.ocsp}) add(one.location, path);
    }
    for (const std::string& path : {tls.client_ca, tls.client_crl, tls.certificate_folder})
      add(tls.location, path);
    for (const std::string& path : tls.session_tickets.key_files) add(tls.location, path);
    if (tls.certificate_folder.empty()) return;
    for (const auto& [name, files] : tls::list_certificates(tls.location.beside(tls.certificate_folder)))
      out.insert(out.end(), {files.certificate, files.key});
  };
  add_listener(config.admin.tls);
  for (const config::Listener& listener : config.listeners) add_listener(listener.tls);
  for (const config::Upstream& upstream : config.upstreams) {
    for (const std::string& path : {upstream.tls.ca, upstream.tls.cert, upstream.tls.key})
      add(upstream.tls.location, path);
  }
  return out;
}

std::string tls_fingerprint(const std::vector<std::string>& files) {
  std::string out;
  for (const std::string& file : files) {
    struct stat state {};
    const bool there = ::stat(file.c_str(), &state) == 0;
    out += file +
           (there ? " " + std::to_string(state.st_ino) + " " + std::to_string(state.st_size) + " " +
                        std::to_string(state.st_mtim.tv_sec) + "." + std::to_string(state.st_mtim.tv_nsec)
                  : " -") +
           "\n";
  }
  return out;
}

}  // namespace portcullis::control

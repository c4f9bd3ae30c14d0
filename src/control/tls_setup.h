#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/model.h"
#include "tls/client_context.h"
#include "tls/server_context.h"

namespace portcullis::control {

// State for TLS that outlives a reload: certificates that have been read, and the keys of session tickets.
// Used by one check or publication at a time, whichever thread it is on.
struct TlsState {
  explicit TlsState(Say say) : certificates(std::move(say)) {}

  tls::Certificates certificates;
  std::map<std::string, std::shared_ptr<tls::TicketKeys>> tickets;  // by the name of the listener
  // The contexts by their settings and files, so that an upstream whose settings stay the same keeps its
  // connections.
  std::map<std::string, std::weak_ptr<const tls::ClientContext>> clients;
};

// The admin listener in the form of a listener that speaks only HTTP/1.1.
config::Listener as_listener(const config::Admin& admin);
// Make the TLS contexts that the configuration describes for a listener and for an upstream.
Result<std::shared_ptr<const tls::ServerContext>> make_server_context(const config::Listener& listener,
                                                                      TlsState& state);
Result<std::shared_ptr<const tls::ClientContext>> make_client_context(const config::Upstream& upstream,
                                                                      TlsState& state);
// The value of Strict-Transport-Security; empty when the field is not sent.
std::string hsts_of(const config::Hsts& hsts);

// Reads all certificates now; otherwise a certificate is read when a client first asks for its name. Errors
// are reported.
void load_certificates(const config::Config& config, TlsState& state);

// Reports the errors and warnings in the TLS settings and files of a configuration.
void check_tls(const config::Config& config, TlsState& state, config::Diagnostics& diagnostics);

// The files and folders that the TLS settings of a configuration name.
std::vector<std::string> tls_files(const config::Config& config);
// A fingerprint of the present state of the files, which differs when any of them has changed.
std::string tls_fingerprint(const std::vector<std::string>& files);

}  // namespace portcullis::control

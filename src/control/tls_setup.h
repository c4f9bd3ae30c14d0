#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/model.h"
#include "tls/client_context.h"
#include "tls/server_context.h"

namespace portcullis::control {

// What of TLS outlives a reload: certificates that have been read, and the keys of session tickets. Control
// thread.
struct TlsState {
  explicit TlsState(Say say) : certificates(std::move(say)) {}

  tls::Certificates certificates;
  std::map<std::string, std::shared_ptr<tls::TicketKeys>> tickets;  // by listener
  // By what they are made of, so that an upstream that stays as it is keeps its connections.
  std::map<std::string, std::weak_ptr<const tls::ClientContext>> clients;
};

// The admin listener as one that speaks only HTTP/1.1.
config::Listener as_listener(const config::Admin& admin);
// What the configuration says of a listener's, or an upstream's TLS.
Result<std::shared_ptr<const tls::ServerContext>> make_server_context(const config::Listener& listener,
                                                                      TlsState& state);
Result<std::shared_ptr<const tls::ClientContext>> make_client_context(const config::Upstream& upstream,
                                                                      TlsState& state);
// The value of Strict-Transport-Security; empty: no such field.
std::string hsts_of(const config::Hsts& hsts);

// Reads all certificates now, which otherwise happens when a client first asks for their name. What cannot be
// read is said.
void load_certificates(const config::Config& config, TlsState& state);

// Reports what is wrong with it.
void check_tls(const config::Config& config, TlsState& state, config::Diagnostics& diagnostics);

// The files that it is made of, and the folders.
std::vector<std::string> tls_files(const config::Config& config);
// Of what they are now: another one when any of them has changed.
std::string tls_fingerprint(const std::vector<std::string>& files);

}  // namespace portcullis::control

#include "cli/admin_client.h"

#include <cstdio>

#include "control/gateway.h"
#include "control/snapshot.h"

namespace portcullis::cli {

Result<AdminClient> AdminClient::find(const AdminPlace& place) {
  AdminPlace found = place;
  if (found.address.empty()) {
    if (found.config_path.empty())
      return Error{"name its configuration (-c) or its admin listener (--admin)"};
    config::Diagnostics diagnostics;
    const auto config = control::load_config(found.config_path, diagnostics);
    control::print_diagnostics(diagnostics);
    if (!config) return Error{"its configuration is not good"};
    if (!config->admin.enabled())
      return Error{"the configuration has no `admin` listener; SIGHUP reloads too"};
    found.address = (config->admin.tls.enabled() ? "https://" : "") + config->admin.address;
  }
  return AdminClient(std::move(found));
}

AdminClient::AdminClient(AdminPlace place) : place_(std::move(place)) {
  std::string_view address = place_.address;
  std::string_view scheme = "http://";
  for (const std::string_view known : {"http://", "https://"}) {
    if (!address.starts_with(known)) continue;
    scheme = known;
    address.remove_prefix(known.size());
  }
  while (address.ends_with('/')) address.remove_suffix(1);
  if (address.starts_with("unix:")) {
    unix_socket_ = address.substr(std::string_view("unix:").size());
    address = "localhost";
  }
  base_ = std::string(scheme) + std::string(address);
}

client::HttpResponse AdminClient::ask(const std::string& method, const std::string& path,
                                      Milliseconds patience) {
  struct Asking {
    static Task<void> run(AdminClient& self, client::HttpRequest request, client::HttpResponse& response) {
      Task<client::HttpResponse> fetching = self.http_->fetch(std::move(request));
      response = co_await fetching;
      self.loop_->stop();
    }
  };
  client::HttpRequest request;
  request.method = method;
  request.url = base_ + path;
  request.unix_socket = unix_socket_;
  request.timeout = patience;
  request.most_bytes = 64 << 20;
  request.ca_file = place_.ca;
  request.certificate_file = place_.certificate;
  request.key_file = place_.key;
  if (!place_.token.empty()) request.fields.emplace_back("authorization", "Bearer " + place_.token);
  client::HttpResponse response;
  TaskGroup tasks;
  tasks.spawn(Asking::run(*this, std::move(request), response));
  loop_->run();
  return response;
}

int cannot_ask(const std::string& why) {
  std::fprintf(stderr, "portcullis: cannot ask the gateway: %s\n", why.c_str());
  return 2;
}

}  // namespace portcullis::cli

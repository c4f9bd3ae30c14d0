#include "cli/admin_client.h"

#include <nlohmann/json.hpp>

#include <cstdlib>

#include "base/read_file.h"
#include "base/text.h"
#include "config/loader.h"
#include "control/say.h"

namespace portcullis::cli {

namespace {

constexpr const char* kTokenVariable = "PORTCULLIS_ADMIN_TOKEN";

// The address of the admin listener in the configuration.
std::optional<std::string> configured_address(const ConfigChoice& choice, Failure& failure) {
  const auto path = choice.path(failure);
  if (!path) return std::nullopt;
  config::Diagnostics diagnostics;
  const auto admin = config::load_admin(*path, diagnostics);
  control::print_diagnostics(diagnostics);
  if (!admin) {
    failure = {kWrong, "cannot read `admin` from the configuration " + *path};
    return std::nullopt;
  }
  if (!admin->enabled()) {
    failure = {kWrong, "the configuration " + *path + " has no `admin` listener to ask"};
    return std::nullopt;
  }
  return (admin->tls.enabled() ? "https://" : "") + admin->address;
}

std::optional<std::string> token_of(const AdminChoice& choice, Failure& failure) {
  if (choice.token_file.empty()) {
    const char* told = std::getenv(kTokenVariable);
    return told != nullptr ? told : "";
  }
  const auto read = read_file(choice.token_file);
  if (read) return read->substr(0, read->find_first_of("\r\n"));
  failure = {kCouldNot, "cannot read the token: " + read.error().message};
  return std::nullopt;
}

std::vector<Option> with_credentials(std::vector<Option> options, AdminChoice& choice) {
  options.insert(options.end(),
                 {{.names = "--token-file",
                   .value = "FILE",
                   .summary = "A file with the token that the admin listener accepts",
                   .target = &choice.token_file,
                   .words = Words::kFile},
                  {.names = "--ca",
                   .value = "FILE",
                   .summary = "PEM file of the authorities to trust for the admin listener's certificate",
                   .target = &choice.ca,
                   .words = Words::kFile},
                  {.names = "--cert",
                   .value = "FILE",
                   .summary = "PEM file of the certificate to show to the admin listener",
                   .target = &choice.certificate,
                   .words = Words::kFile},
                  {.names = "--key",
                   .value = "FILE",
                   .summary = "PEM file of that certificate's key",
                   .target = &choice.key,
                   .words = Words::kFile}});
  return options;
}

}  // namespace

Operand admin_operand(AdminChoice& choice) {
  Operand out = config_operand(choice.config);
  out.summary = "The gateway's configuration, which names its admin listener: a file or a folder";
  return out;
}

std::vector<Option> admin_options(AdminChoice& choice) {
  return with_credentials({config_option(choice.config),
                           {.names = "--admin",
                            .value = "ADDRESS",
                            .summary = "The address of the gateway's admin listener, instead of its "
                                       "configuration: `address:port` or `unix:/path`, with `https://` "
                                       "before it where it speaks TLS",
                            .target = &choice.address}},
                          choice);
}

std::vector<Option> server_options(AdminChoice& choice) {
  return with_credentials(
      {{.names = "--server",
        .value = "URL",
        .summary = "The admin listener of the gateway, such as `http://127.0.0.1:9080` or `unix:/path`; "
                   "without it, the one that the configuration of this machine names",
        .target = &choice.address}},
      choice);
}

std::vector<Meaning> admin_variables() {
  return {config_variable(),
          {kTokenVariable, "the token that the admin listener takes, without --token-file"}};
}

std::optional<AdminClient> AdminClient::find(const AdminChoice& choice, Failure& failure) {
  AdminChoice found = choice;
  if (!found.address.empty() && found.config.named()) {
    failure = {kUsage, "name the gateway by its configuration or by --admin, not by both"};
    return std::nullopt;
  }
  if (found.address.empty()) {
    auto address = configured_address(found.config, failure);
    if (!address) return std::nullopt;
    found.address = std::move(*address);
  }
  auto token = token_of(found, failure);
  if (!token) return std::nullopt;
  return AdminClient(found, std::move(*token));
}

AdminClient::AdminClient(const AdminChoice& choice, std::string token)
    : token_(std::move(token)), ca_(choice.ca), certificate_(choice.certificate), key_(choice.key) {
  std::string_view address = choice.address;
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

client::HttpResponse AdminClient::send(client::HttpRequest request) {
  struct Asking {
    static Task<void> run(AdminClient& self, client::HttpRequest sent, client::HttpResponse& response) {
      Task<client::HttpResponse> fetching = self.http_->fetch(std::move(sent));
      response = co_await fetching;
      self.loop_->stop();
    }
  };
  request.url = base_ + request.url;
  request.unix_socket = unix_socket_;
  request.max_bytes = 64 << 20;
  request.ca_file = ca_;
  request.certificate_file = certificate_;
  request.key_file = key_;
  if (!token_.empty()) request.fields.emplace_back("authorization", "Bearer " + token_);
  client::HttpResponse response;
  TaskGroup tasks;
  tasks.spawn(Asking::run(*this, std::move(request), response));
  loop_->run();
  return response;
}

client::HttpResponse AdminClient::ask(const std::string& method, const std::string& path,
                                      Milliseconds timeout, std::string body) {
  client::HttpRequest request;
  request.method = method;
  request.url = path;
  request.timeout = timeout;
  if (!body.empty()) request.fields.emplace_back("content-type", "application/json");
  request.body = std::move(body);
  return send(std::move(request));
}

std::string refusal_of(const client::HttpResponse& response) {
  const nlohmann::json told = nlohmann::json::parse(response.body, nullptr, false);
  if (told.is_object() && told.contains("detail") && told["detail"].is_string())
    return told["detail"].get<std::string>();
  return std::string(trim(std::string_view(response.body).substr(0, 200)));
}

Failure cannot_ask(const std::string& why) {
  return {kCouldNot, "cannot ask the gateway: " + why};
}

}  // namespace portcullis::cli

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/read_file.h"
#include "cli/crash_report.h"
#include "cli/credentials.h"
#include "cli/demo_backend.h"
#include "cli/doctor.h"
#include "cli/explain.h"
#include "cli/reload.h"
#include "cli/top.h"
#include "config/reference.h"
#include "config/schema_model.h"
#include "control/gateway.h"
#include "control/snapshot.h"
#include "policy/registry.h"
#include "runtime/signal_stack.h"

namespace {

using portcullis::cli::OutputFormat;
using portcullis::control::Gateway;

int run(const portcullis::control::RunOptions& options) {
  portcullis::cli::report_crashes();
  const portcullis::SignalStack signal_stack;
  Gateway::block_signals();
  Gateway gateway(options);
  if (!gateway.start()) return 1;
  gateway.run_until_signalled();
  return 0;
}

nlohmann::json to_json(const portcullis::config::Diagnostic& one) {
  return {{"severity", one.severity == portcullis::config::Severity::kError ? "error" : "warning"},
          {"file", one.location.file.text()},
          {"line", one.location.line},
          {"column", one.location.column},
          {"message", one.message}};
}

int check(const std::string& path, OutputFormat format) {
  portcullis::config::Diagnostics diagnostics;
  const auto config = portcullis::control::load_config(path, diagnostics);
  if (config) portcullis::control::report_unreachable_routes(*config, diagnostics);
  if (format == OutputFormat::kJson) {
    nlohmann::json told{{"good", config.has_value()}, {"diagnostics", nlohmann::json::array()}};
    for (const auto& one : diagnostics.sorted()) told["diagnostics"].push_back(to_json(one));
    std::printf("%s\n", told.dump(2).c_str());
    return config ? 0 : 1;
  }
  portcullis::control::print_diagnostics(diagnostics);
  if (!config) return 1;
  std::printf("%s: good: %zu listeners, %zu routes, %zu upstreams\n", path.c_str(), config->listeners.size(),
              config->routes.size(), config->upstreams.size());
  return 0;
}

int print_schema(const std::string& format) {
  if (format == "markdown") {
    std::fputs(portcullis::config::reference_page(portcullis::policy::catalog()).c_str(), stdout);
    return 0;
  }
  nlohmann::json schema = portcullis::config::config_type(portcullis::policy::catalog())->json_schema();
  schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  schema["title"] = "Portcullis configuration";
  std::printf("%s\n", schema.dump(2).c_str());
  return 0;
}

}  // namespace

// What CLI11 throws outside of parsing is a defect of this file.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) {
  CLI::App app{"Portcullis, an API gateway"};
  app.require_subcommand(1);
  int exit_code = 0;
  std::string path, listen, name = "demo", format = "json";

  CLI::App* run_command = app.add_subcommand("run", "Serve; SIGHUP reloads, SIGTERM drains");
  portcullis::control::RunOptions options;
  run_command->add_option("-c,--config", options.config_path, "Configuration: a file, or a folder of them")
      ->required();
  run_command->add_flag("--watch", options.watch_files, "Reload when the files change");
  run_command->add_option("--upgrade-socket", options.upgrade_socket_path,
                          "Take over from the process that serves at this path, and serve a successor there");
  run_command->callback([&] { exit_code = run(options); });

  CLI::App* check_command = app.add_subcommand("check", "Report everything wrong with a configuration");
  check_command->add_option("path", path, "Configuration: a file, or a folder of them")->required();
  bool json = false;
  const auto format_asked_for = [&] { return json ? OutputFormat::kJson : OutputFormat::kText; };
  check_command->add_flag("--json", json, "For programs");
  check_command->callback([&] { exit_code = check(path, format_asked_for()); });

  std::string method, url;
  CLI::App* explain_command =
      app.add_subcommand("explain", "Tell which route and policies a request would meet");
  explain_command->add_option("-c,--config", path, "Configuration: a file, or a folder of them")->required();
  auto* method_option = explain_command->add_option("method", method, "GET, POST, ...");
  auto* url_option = explain_command->add_option("url", url, "http://host/path, or a path alone");
  method_option->needs(url_option);
  std::vector<std::string> headers;
  explain_command->add_option("-H,--header", headers, "A header field, as in `X-Version: 2`; may be repeated")
      ->allow_extra_args(false);
  std::string curl_line;
  explain_command
      ->add_option("--curl", curl_line, "Instead of method and URL: a curl command, in quotes as one word")
      ->excludes(method_option);
  std::string client_address = "127.0.0.1";
  explain_command->add_option("--client", client_address, "The client's address");
  explain_command->add_flag("--json", json, "For programs");
  explain_command->callback([&] {
    portcullis::control::Question question{method, url, headers, client_address};
    if (!curl_line.empty()) {
      auto read = portcullis::control::read_curl_line(curl_line);
      if (!read) throw CLI::ValidationError("--curl", read.error().message);
      question = std::move(*read);
      question.client_address = client_address;
    } else if (url.empty()) {
      throw CLI::RequiredError("method and url, or --curl,");
    }
    exit_code = portcullis::cli::explain(path, question, format_asked_for());
  });

  portcullis::cli::AdminPlace admin;
  std::string token_file;
  const auto ask_for_admin = [&](CLI::App* command) {
    auto* by_path = command->add_option("-c,--config", admin.config_path,
                                        "Its configuration, which names its admin listener");
    command
        ->add_option("--admin", admin.address,
                     "The address of its admin listener, with `https://` before it where it speaks TLS")
        ->excludes(by_path);
    command->add_option("--token-file", token_file, "A file with the token that it takes")
        ->check(CLI::ExistingFile);
    command->add_option("--ca", admin.ca, "PEM file with who may have issued its certificate");
    command->add_option("--cert", admin.certificate, "PEM file of the certificate to show");
    command->add_option("--key", admin.key, "PEM file of its key");
    command->footer("Without --token-file, the token is taken from the variable PORTCULLIS_ADMIN_TOKEN.");
  };
  const auto admin_place = [&] {
    if (const char* told = std::getenv("PORTCULLIS_ADMIN_TOKEN"); told != nullptr) admin.token = told;
    if (!token_file.empty()) {
      const auto read = portcullis::read_file(token_file);
      if (!read) throw CLI::ValidationError("--token-file", read.error().message);
      admin.token = read->substr(0, read->find_first_of("\r\n"));
    }
    return admin;
  };
  CLI::App* reload_command =
      app.add_subcommand("reload", "Tell a running gateway to reload, and say how it went");
  ask_for_admin(reload_command);
  reload_command->callback([&] { exit_code = portcullis::cli::reload(admin_place()); });

  CLI::App* top_command =
      app.add_subcommand("top", "Show what goes on in a running gateway: traffic, targets, limits, failures");
  ask_for_admin(top_command);
  bool once = false;
  top_command->add_flag("--once", once, "Once, as text, instead of once a second");
  top_command->add_flag("--json", json, "Once, for programs");
  top_command->callback([&] { exit_code = portcullis::cli::top(admin_place(), once, format_asked_for()); });

  CLI::App* doctor_command = app.add_subcommand(
      "doctor",
      "Look for what stands in a configuration's way on this machine: limits, ports, certificates, targets");
  doctor_command->add_option("-c,--config", path, "Configuration: a file, or a folder of them")->required();
  doctor_command->add_flag("--json", json, "For programs");
  doctor_command->callback([&] { exit_code = portcullis::cli::doctor(path, format_asked_for()); });

  CLI::App* schema_command = app.add_subcommand("schema", "Print the configuration's description");
  schema_command
      ->add_option("--format", format, "json: JSON Schema, for editors; markdown: docs/configuration.md")
      ->check(CLI::IsMember({"json", "markdown"}));
  schema_command->callback([&] { exit_code = print_schema(format); });

  CLI::App* backend_command = app.add_subcommand("demo-backend", "Serve answers that show the request");
  backend_command->add_option("--listen", listen, "Address, as 127.0.0.1:9001")->required();
  backend_command->add_option("--name", name, "Name shown in the answers");
  backend_command->callback([&] { exit_code = portcullis::cli::run_demo_backend(listen, name); });

  std::string prefix;
  CLI::App* generate_command =
      app.add_subcommand("generate-key", "Print a new key and its hash for key_auth");
  generate_command->add_option("--prefix", prefix, "What the key begins with, as in `shop_`");
  generate_command->callback([&] { exit_code = portcullis::cli::generate_key(prefix); });
  app.add_subcommand("hash-key", "Print the hash of the key on standard input, for key_auth")->callback([&] {
    exit_code = portcullis::cli::hash_key();
  });
  app.add_subcommand("hash-password", "Print a hash of the password on standard input, for basic_auth")
      ->callback([&] { exit_code = portcullis::cli::hash_password(); });

  CLI::App* version_command = app.add_subcommand("version", "Print the version");
  version_command->callback([] { std::puts("portcullis " PORTCULLIS_VERSION); });

  CLI11_PARSE(app, argc, argv);
  return exit_code;
}

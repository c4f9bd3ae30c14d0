#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <system_error>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "control/http_server.h"

namespace portcullis::cli {
namespace {

std::string describe(const http::RequestHead& request, const std::string& name, uint64_t body_bytes) {
  std::string out = "{\"backend\": \"";
  append_json_escaped(out, name);
  out += "\", \"method\": \"";
  append_json_escaped(out, request.method);
  out += "\", \"target\": \"";
  append_json_escaped(out, request.target);
  out += "\", \"body_bytes\": " + std::to_string(body_bytes) + ", \"headers\": {";
  bool first = true;
  for (const http::Field& field : request.fields) {
    out += first ? "\"" : ", \"";
    first = false;
    append_json_escaped(out, to_lower(field.name));
    out += "\": \"";
    append_json_escaped(out, field.value);
    out += "\"";
  }
  return out + "}}\n";
}

class SignalWatcher final : public Watcher {
 public:
  explicit SignalWatcher(EventLoop& loop) : loop_(loop) {}
  void on_events(uint32_t) override { loop_.stop(); }

 private:
  EventLoop& loop_;
};

struct DemoBackendSettings {
  std::string address;
  std::string name = "demo";
};

int run_demo_backend(const DemoBackendSettings& settings) {
  const std::string& name = settings.name;
  const auto address = SocketAddress::parse(settings.address);
  if (!address) return usage_error("demo-backend", "--listen: " + address.error().message);
  auto socket = open_listening_socket(*address, 1024);
  if (!socket) return fail("demo-backend", {kCouldNot, socket.error().message}, OutputFormat::kText);
  EventLoop loop;
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGTERM);
  sigaddset(&stop_signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);
  UniqueFd signals(::signalfd(-1, &stop_signals, SFD_NONBLOCK | SFD_CLOEXEC));
  SignalWatcher on_signal(loop);
  // The signals are blocked at this point: without this watch only SIGKILL could end the process.
  if (!signals || !loop.watch(signals.get(), EPOLLIN, on_signal))
    throw std::system_error(errno, std::generic_category(), "cannot wait for signals");
  const control::HttpServer server(loop, std::move(*socket), {.connections = 65'536, .body_size = 0},
                                   [&](const control::ServerRequest& request) -> Task<control::ServerAnswer> {
                                     co_return control::ServerAnswer{
                                         .content_type = "application/json",
                                         .body = describe(request.head, name, request.body_bytes)};
                                   });
  std::fprintf(stderr, "portcullis: demo backend %s listening on %s\n", name.c_str(),
               SocketAddress::of_socket(server.fd()).to_string().c_str());
  loop.run();
  return kGood;
}

}  // namespace

Command demo_backend_command() {
  auto settings = std::make_shared<DemoBackendSettings>();
  return {
      .name = "demo-backend",
      .summary = "Run a backend whose answers show the request",
      .description = "The demo backend is a target for trying a configuration. SIGTERM and SIGINT end it.",
      .options = {{.names = "--listen",
                   .value = "ADDRESS",
                   .summary = "The address to listen on, such as 127.0.0.1:9001 or unix:/path",
                   .target = &settings->address,
                   .required = true},
                  {.names = "--name",
                   .value = "NAME",
                   .summary = "The name of the backend in its answers; the default is `demo`",
                   .target = &settings->name}},
      .exits = {{kGood, "the backend has ended because a signal told it to"},
                {kCouldNot, "the address could not be bound"}},
      .examples = {{"portcullis demo-backend --listen 127.0.0.1:9001 --name one", "A backend named `one`"}},
      .run = [settings] { return run_demo_backend(*settings); }};
}

}  // namespace portcullis::cli

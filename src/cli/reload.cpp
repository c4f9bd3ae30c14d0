#include "cli/reload.h"

#include <cstdio>
#include <cstring>

#include "control/gateway.h"
#include "control/snapshot.h"
#include "http/h1/head_parser.h"
#include "runtime/stream.h"
#include "runtime/task.h"

namespace portcullis::cli {
namespace {

struct Reply {
  int error = 0;
  std::string text;  // head and body
};

// One request on a connection of its own, whose end ends the answer.
Task<void> ask(EventLoop& loop, SocketAddress address, Reply& reply) {
  static constexpr Milliseconds kPatience{30'000};
  static constexpr std::string_view kRequest =
      "POST /reload HTTP/1.1\r\nhost: admin\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
  Stream stream(loop);
  IoResult step = co_await stream.connect(address, kPatience);
  if (step.ok()) {
    iovec piece{const_cast<char*>(kRequest.data()), kRequest.size()};
    step = co_await stream.write(std::span(&piece, 1), kPatience);
  }
  char buffer[4096];
  while (step.ok()) {
    step = co_await stream.read(buffer, sizeof buffer, kPatience);
    if (step.end_of_stream()) break;
    reply.text.append(buffer, step.bytes);
  }
  reply.error = step.error;
  loop.stop();
}

int cannot_ask(const std::string& why) {
  std::fprintf(stderr, "portcullis: cannot ask the gateway: %s\n", why.c_str());
  return 2;
}

}  // namespace

int reload(const std::string& config_path, const std::string& admin_address) {
  std::string place = admin_address;
  if (place.empty()) {
    if (config_path.empty()) return cannot_ask("name its configuration (-c) or its admin listener (--admin)");
    config::Diagnostics diagnostics;
    const auto config = control::load_config(config_path, diagnostics);
    control::print_diagnostics(diagnostics);
    if (!config) return 1;
    place = config->admin.address;
    if (place.empty()) return cannot_ask("the configuration has no `admin` listener; SIGHUP reloads too");
  }
  const auto address = SocketAddress::parse(place);
  if (!address) return cannot_ask(address.error().message);
  EventLoop loop;
  Reply reply;
  TaskGroup tasks;
  tasks.spawn(ask(loop, *address, reply));
  loop.run();
  if (reply.error != 0) return cannot_ask(place + ": " + std::strerror(reply.error));
  http::ResponseHead head;
  http::h1::ResponseParser parser(http::h1::HeadLimits{});
  if (parser.parse(reply.text, "POST", head) != http::h1::ParseState::kDone)
    return cannot_ask(place + " does not answer as an admin listener does");
  const bool succeeded = head.status == 200;
  std::fputs(reply.text.c_str() + parser.head_size(), succeeded ? stdout : stderr);
  return succeeded ? 0 : 1;
}

}  // namespace portcullis::cli

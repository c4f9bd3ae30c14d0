#include <cstdint>
#include <cstdlib>
#include <string>

#include "http/h2/request.h"
#include "http/h2/session.h"

using namespace portcullis;
using namespace portcullis::http;

namespace {

// The guarantees for backends: no name or value that could be read as two, and a valid path.
void check(const RequestHead& request) {
  if (request.path.empty() || (request.path[0] != '/' && request.path != "*")) std::abort();
  if (request.authority.empty() || request.method.empty()) std::abort();
  for (const Field& field : request.fields) {
    if (field.name.empty() || field.id == FieldId::kHost) std::abort();
    for (const std::string_view text : {field.name, field.value, request.path, request.query}) {
      if (text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) std::abort();
    }
  }
}

void serve(EventLoop& loop, std::unique_ptr<h2::Channel> its_channel) {
  h2::Channel& channel = *its_channel;
  Stream stream(loop);
  channel.attach(stream);
  stream.set_channel(std::move(its_channel));
  Arena arena;
  RequestHead request;
  const std::unique_ptr<h2::Head> head = channel.take_head();
  if (h2::read_request(*head, {}, arena, request) == h1::ParseError::kNone) check(request);
  char body[4096];
  while (stream.try_read(body, sizeof body).bytes > 0) continue;
  h2::FieldBlock fields;
  fields.field(":status", "200");
  channel.send_head(fields, false);
  channel.end_after_write("x-end: 1\r\n");
  iovec piece{body, 100};
  std::span<iovec> pieces(&piece, 1);
  channel.write(pieces);
  stream.close();
}

}  // namespace

// Frames of a client, in two pieces, for a server that answers each request at once.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static EventLoop loop;
  static const std::string kBegin("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t cut = text.empty() ? 0 : data[0] % (text.size() + 1);
  Stream socket(loop);
  h2::Session session(socket, h2::Session::Side::kServer, {});
  for (const std::string_view part : {std::string_view(kBegin), text.substr(0, cut), text.substr(cut)}) {
    if (!session.receive(part)) break;
    while (std::unique_ptr<h2::Channel> channel = session.take_request()) serve(loop, std::move(channel));
  }
  return 0;
}

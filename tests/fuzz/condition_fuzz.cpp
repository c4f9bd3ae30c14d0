#include <cstdint>
#include <cstdlib>
#include <string>

#include "policy/condition.h"

using namespace portcullis;

// A text that check() accepts can be compiled and evaluated; for any other text check() returns a reason.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (text.empty() || !policy::Condition::check(text).empty()) return 0;
  static EventLoop loop;
  Arena arena;
  http::RequestHead request;
  request.method = "GET";
  request.query = "a=b&c=d%20e";
  request.fields.add("x-a", "1");
  http::ResponseHead response;
  policy::Context context(loop, arena, request, response);
  context.uri.path = "/a/b";
  context.uri.host = "a";
  context.client.address = "192.0.2.1";
  context.caller.claims = identity::Claims::parse(R"({"scope":"a b","role":["x","y"],"n":5})");
  const policy::Condition condition(text);
  if (condition.empty()) std::abort();
  if (condition.holds(context) == policy::Condition("not (" + text + ")").holds(context)) std::abort();
  (void)condition.scopes();
  return 0;
}

#include <cstdint>
#include <cstdlib>
#include <string>

#include "http/structured_fields.h"
#include "policy/hmac_auth/signature_base.h"

using namespace portcullis;

// A parsed value can be serialised, and parses again as the same value; the base of any signature is computed
// or refused safely.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto members = http::parse_dictionary({reinterpret_cast<const char*>(data), size});
  if (!members) return 0;
  static EventLoop loop;
  Arena arena;
  http::RequestHead request;
  request.method = "GET";
  request.target = "/a?b=c&b=d&e=%20f";
  request.path = "/a";
  request.query = "b=c&b=d&e=%20f";
  request.has_query = true;
  request.authority = "example.com:80";
  request.fields.add("host", "example.com:80");
  request.fields.add("x-a", "1");
  request.fields.add("x-a", "2");
  http::ResponseHead response;
  policy::Context context(loop, arena, request, response);
  for (const http::Member& member : *members) {
    const auto* list = std::get_if<http::InnerList>(&member.value);
    const std::string written =
        list != nullptr ? http::serialize(*list) : http::serialize(std::get<http::Item>(member.value));
    const auto again = http::parse_dictionary("k=" + written);
    if (!again || again->size() != 1) std::abort();
    const auto& value = again->at(0).value;
    const auto* same = std::get_if<http::InnerList>(&value);
    if ((same != nullptr) != (list != nullptr)) std::abort();
    if (written != (same != nullptr ? http::serialize(*same) : http::serialize(std::get<http::Item>(value))))
      std::abort();
    if (list != nullptr) (void)policy::hmac_auth::signature_base(*list, context);
  }
  return 0;
}

#include <cstdint>
#include <cstdlib>
#include <string>

#include "http/query.h"

using namespace portcullis;

// A credential that was removed from the query or the cookies is no longer found there.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Arena arena;
  http::RequestHead request;
  request.query = text;
  request.has_query = true;
  const size_t before = request.query.size();
  http::remove_query_parameter(request, "key", arena);
  if (http::find_query_parameter(request.query, "key", arena)) std::abort();
  if (request.query.size() > before) std::abort();
  request.fields.add("cookie", text);
  request.fields.add("Cookie", "key=1; other=2");
  http::remove_cookie(request.fields, "key", arena);
  if (http::find_cookie(request.fields, "key")) std::abort();
  if (!http::find_cookie(request.fields, "other")) std::abort();
  return 0;
}

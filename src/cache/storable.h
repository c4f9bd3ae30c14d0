#pragma once

#include "http/cache_control.h"
#include "http/message.h"

namespace portcullis::cache {

// What is to be known of a request beside its response.
struct Asked {
  bool by_somebody = false;      // its sender has proved who it is
  bool keyed_by_caller = false;  // and nobody else gets what is kept
};

// Whether a shared cache may keep the response to a GET (RFC 9111 sections 3 and 3.5). `told` is what its
// Cache-Control says, or what stands in its place; `has_lifetime`: the configuration says how long it is
// fresh.
bool may_store(const http::ResponseHead& response, const http::CacheControl& told, const Asked& asked,
               bool has_lifetime);

// The response's fields as they are kept (section 3.1): without those that belong to one hop, those that the
// gateway writes anew and those that are `private`. A Date is added where there is none.
void write_stored_fields(const http::ResponseHead& response, const http::CacheControl& told,
                         std::string_view date, http::Fields& out);

// What becomes of a stored response's fields when a 304 has validated it (section 3.2).
void freshen(http::Fields& stored, const http::Fields& validation);

}  // namespace portcullis::cache

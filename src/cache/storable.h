#pragma once

#include "http/cache_control.h"
#include "http/message.h"

namespace portcullis::cache {

// Properties of the request that decide whether the response may be stored.
struct Asked {
  bool is_authenticated = false;  // the request was authenticated
  // The cache key contains the caller, so that only that caller gets the response.
  bool keyed_by_caller = false;
};

// Whether a shared cache may store the response to a GET (RFC 9111 sections 3 and 3.5). `told` holds the
// directives of Cache-Control, or of the field that replaces it. With `has_lifetime` the configuration sets a
// lifetime.
bool may_store(const http::ResponseHead& response, const http::CacheControl& told, const Asked& asked,
               bool has_lifetime);

// Writes the response's fields to be stored (section 3.1), without hop-by-hop fields, fields that the gateway
// writes for each response, and `private` fields. Adds a Date if there is none.
void write_stored_fields(const http::ResponseHead& response, const http::CacheControl& told,
                         std::string_view date, http::Fields& out);

// Updates a stored response's fields when a 304 has validated the response (section 3.2).
void freshen(http::Fields& stored, const http::Fields& validation);

}  // namespace portcullis::cache

#include "proxy/upstream_failure.h"

namespace portcullis::proxy {

using http::h1::ParseError;

std::string_view name_of_bad_response(ParseError error) {
  switch (error) {
    case ParseError::kUnknownStatus: return "upstream_unknown_status";
    case ParseError::kRepeatedChunked: return "upstream_repeated_chunked";
    case ParseError::kBareLineFeed: return "upstream_bare_lf";
    case ParseError::kBadChunkSize: return "upstream_bad_chunk_size";
    case ParseError::kBadChunkEnd: return "upstream_bad_chunk_end";
    case ParseError::kTooManyFields: return "upstream_too_many_fields";
    case ParseError::kHeadTooLarge: return "upstream_head_too_large";
    case ParseError::kTrailersTooLarge: return "upstream_trailers_too_large";
    default: return "upstream_malformed";
  }
}

}  // namespace portcullis::proxy

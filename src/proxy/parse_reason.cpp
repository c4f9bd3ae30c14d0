#include "proxy/parse_reason.h"

namespace portcullis::proxy {

using http::h1::ParseError;
using telemetry::EndReason;
using telemetry::kEnds;

const EndReason& reason_of_bad_request(ParseError error) {
  switch (error) {
    case ParseError::kBareCarriageReturn: return kEnds.bare_cr;
    case ParseError::kBareLineFeed: return kEnds.bare_lf;
    case ParseError::kBadMethod: return kEnds.bad_method;
    case ParseError::kBadTarget: return kEnds.bad_target;
    case ParseError::kTargetTooLong: return kEnds.target_too_long;
    case ParseError::kBadVersion: return kEnds.bad_version;
    case ParseError::kUnsupportedVersion: return kEnds.unsupported_version;
    case ParseError::kBadFieldName: return kEnds.bad_field_name;
    case ParseError::kBadFieldValue: return kEnds.bad_field_value;
    case ParseError::kObsoleteFolding: return kEnds.obsolete_folding;
    case ParseError::kTooManyFields: return kEnds.too_many_fields;
    case ParseError::kHeadTooLarge: return kEnds.head_too_large;
    case ParseError::kBadContentLength: return kEnds.bad_content_length;
    case ParseError::kConflictingLength: return kEnds.conflicting_length;
    case ParseError::kBadTransferEncoding: return kEnds.bad_transfer_encoding;
    case ParseError::kUnsupportedTransferEncoding: return kEnds.unsupported_transfer_encoding;
    case ParseError::kTooManyConnectionOptions: return kEnds.too_many_connection_options;
    case ParseError::kMissingHost: return kEnds.missing_host;
    case ParseError::kDuplicateHost: return kEnds.duplicate_host;
    case ParseError::kBadHost: return kEnds.bad_host;
    case ParseError::kHostDisagrees: return kEnds.host_disagrees;
    // Errors that occur only in responses.
    case ParseError::kNone:
    case ParseError::kBadStatusLine:
    case ParseError::kUnknownStatus:
    case ParseError::kRepeatedChunked: break;
    // Errors that occur only in bodies.
    case ParseError::kBadChunkSize:
    case ParseError::kBadChunkEnd:
    case ParseError::kChunkLineTooLong:
    case ParseError::kTrailersTooLarge: return kEnds.bad_chunk;
  }
  return kEnds.bad_version;
}

const EndReason& reason_of_bad_response(ParseError error) {
  switch (error) {
    case ParseError::kUnknownStatus: return kEnds.upstream_unknown_status;
    case ParseError::kRepeatedChunked: return kEnds.upstream_repeated_chunked;
    case ParseError::kBareLineFeed: return kEnds.upstream_bare_lf;
    case ParseError::kBadChunkSize: return kEnds.upstream_bad_chunk_size;
    case ParseError::kBadChunkEnd: return kEnds.upstream_bad_chunk_end;
    case ParseError::kTooManyFields: return kEnds.upstream_too_many_fields;
    case ParseError::kHeadTooLarge: return kEnds.upstream_head_too_large;
    case ParseError::kTrailersTooLarge: return kEnds.upstream_trailers_too_large;
    default: return kEnds.upstream_malformed;
  }
}

}  // namespace portcullis::proxy

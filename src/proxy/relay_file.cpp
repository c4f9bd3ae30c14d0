#include "proxy/relay_file.h"

#include <cerrno>

namespace portcullis::proxy {

using http::BodyKind;

bool may_come_from_file(const BodySource& source, const BodySink& sink) {
  return source.stored != nullptr && source.converter == nullptr && source.copy == nullptr &&
         source.limit == 0 && source.framing.kind == BodyKind::kLength && sink.kind == BodyKind::kLength &&
         sink.stream.may_send_files();
}

Task<RelayResult> send_from_file(BodySource& source, BodySink sink) {
  cache::BodyReader& stored = *source.stored;
  while (const auto part = stored.next_in_file()) {
    const IoResult sent =
        co_await sink.stream.send_file(part->file.get(), part->begin, part->size, sink.timeout);
    source.bytes += sent.bytes;
    stored.skip(sent.bytes);
    // A file system that cannot do it.
    if (sent.error == EINVAL || sent.error == ENOSYS || sent.error == EOPNOTSUPP) break;
    if (sent.error == EIO) {
      stored.note_unreadable();
      co_return {RelayOutcome::kSourceFailed, sent.error};
    }
    if (!sent.ok()) co_return relay_failure(RelayOutcome::kSinkFailed, sent.error);
  }
  co_return {RelayOutcome::kComplete};
}

}  // namespace portcullis::proxy

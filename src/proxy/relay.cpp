#include "proxy/relay.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <iterator>
#include <optional>
#include <string>

#include "base/text.h"
#include "proxy/client_watch.h"
#include "proxy/pace.h"
#include "proxy/relay_convert.h"
#include "proxy/relay_file.h"

namespace portcullis::proxy {
namespace {

using http::BodyKind;

constexpr size_t kMaxPieces = 64;

// The vector of one write: head, chunk size line, runs of data, chunk end. Left uninitialised: it is large.
struct Gather {
  std::array<iovec, kMaxPieces + 6> pieces;
  size_t count = 0;

  void add(std::string_view text) {
    if (!text.empty()) pieces[count++] = {const_cast<char*>(text.data()), text.size()};
  }
  std::span<const iovec> from(size_t first) const { return {pieces.data() + first, count - first}; }
  // A place for what is known only after what follows it.
  iovec& reserve() { return pieces[count++] = {nullptr, 0}; }
};

// Takes what the source has received, up to the end of its body, as runs of data.
class BodyReader {
 public:
  explicit BodyReader(BodySource& source)
      : source_(source), remaining_(source.framing.length), decoder_(source.chunks) {}

  bool done() const { return source_.complete; }

  // Moves runs of data from `input` to `out` and adds their size to `bytes`; false when the coding is broken.
  bool take(std::string_view& input, Gather& out, size_t& bytes) {
    while (!done() && !input.empty() && out.count < kMaxPieces) {
      std::string_view data;
      switch (source_.framing.kind) {
        case BodyKind::kNone: return true;
        case BodyKind::kUntilClose:
        case BodyKind::kStream:
          data = input;
          input = {};
          break;
        case BodyKind::kLength:
          data = input.substr(0, static_cast<size_t>(std::min<uint64_t>(remaining_, input.size())));
          remaining_ -= data.size();
          input.remove_prefix(data.size());
          if (remaining_ == 0) finish(input);
          break;
        case BodyKind::kChunked: {
          const auto result = decoder_.next(input, data);
          if (result == http::h1::ChunkedDecoder::Result::kFailed) {
            source_.malformed = decoder_.error();
            return false;
          }
          if (result == http::h1::ChunkedDecoder::Result::kDone) finish(input);
          break;
        }
      }
      out.add(data);
      bytes += data.size();
      if (source_.copy != nullptr) source_.copy->add(data);
    }
    return true;
  }

  // Those that are passed on.
  std::string trailers() const {
    return http::permitted_trailers(
        source_.channel != nullptr ? source_.channel->trailers() : decoder_.trailers(), source_.trailers);
  }
  // The same once the body has come to its end.
  std::optional<std::string> end() const { return done() ? std::optional(trailers()) : std::nullopt; }
  // The end of the bytes is the end of the body.
  bool ends_with_source() const {
    return source_.framing.kind == BodyKind::kUntilClose || source_.framing.kind == BodyKind::kStream;
  }

  // So much of a body of known length has gone another way.
  void skip(uint64_t bytes) {
    remaining_ -= bytes;
    if (remaining_ == 0) finish({});
  }

  void finish(std::string_view rest) {
    source_.complete = true;
    source_.rest = rest;
  }

 private:
  BodySource& source_;
  uint64_t remaining_;
  http::h1::ChunkedDecoder decoder_;
};

// The next bytes of a body, into `source.more`. Whoever waits holds no block: many bodies in flight share the
// few that the cache still knows, and a slow peer costs no memory.
Task<IoResult> read_block(BodySource& source, Pace& pace) {
  for (;;) {
    source.more.release();
    if (source.watch != nullptr && !source.stream.may_read()) source.watch->arrange();
    const IoResult ready = co_await source.stream.readable(source.timeout);
    if (!ready.ok()) co_return ready;
    source.more.block = pace.take_block();
    const IoResult got = source.stream.try_read(source.more.block.data(), pace.asked(source.more.block));
    if (got.error != EAGAIN) co_return got;
  }
}

std::string_view note_read(BodySource& source, const IoResult& got) {
  source.more.end = got.bytes;
  source.reads += got.bytes > 0 ? 1 : 0;
  return source.more.content();
}

}  // namespace

void InputBuffer::grow() {
  Block larger = Block::take(block.capacity() * 2);
  std::memcpy(larger.data(), block.data() + begin, end - begin);
  end -= begin;
  begin = 0;
  block = std::move(larger);
}

Task<RelayResult> relay_message(std::string_view head, BodySource& source, BodySink sink) {
  BodyReader reader(source);
  Conversion conversion(source);
  Gather gather;
  std::array<char, 20> size_line;
  std::string_view input = source.received;
  std::string trailers;
  std::string converted;
  bool drained = true;  // what there was to be read has been
  bool fed = false;     // the converter has seen something
  bool source_ended = source.channel != nullptr && source.channel->at_end();
  Pace pace(source, &sink);
  const bool chunked = sink.kind == BodyKind::kChunked;
  bool begun = false;
  // The source has failed with `result`.
  const auto failed = [&begun](RelayResult result) {
    result.untouched = !begun;
    return result;
  };
  const bool from_file = may_come_from_file(source, sink);
  if (source.channel != nullptr && input.empty() && !source_ended && source.stream.may_read()) {
    // A small body often comes with its head, and leaves with it.
    source.more.block = pace.take_block();
    const IoResult got = source.stream.try_read(source.more.block.data(), pace.asked(source.more.block));
    input = note_read(source, got);
    source_ended = source.channel->at_end();
  }
  for (;;) {
    gather.count = 0;
    gather.add(head);
    iovec* const size_piece = chunked ? &gather.reserve() : nullptr;
    const size_t first = gather.count;
    size_t bytes = 0;
    const bool takes = conversion.idle();
    if (takes && !reader.take(input, gather, bytes)) co_return failed({RelayOutcome::kSourceMalformed});
    if (source_ended && reader.ends_with_source()) reader.finish({});
    if (source.converter != nullptr) {
      converted.clear();
      // What was large once would be held as long as the body lasts.
      if (converted.capacity() > Block::kLarge) converted = std::string();
      fed |= bytes > 0;
      if (takes) conversion.give(gather.from(first), reader.end());
      Task<ConversionStep> converting = conversion.run(converted);
      const ConversionStep step = co_await converting;
      if (!goes_on(step)) co_return failed(failure_of(step));
      // Where the body's length is not known, more may be long in coming.
      if (!reader.done() && conversion.idle() && input.empty() && drained && !source.framing.has_length() &&
          (fed || !source.converter->checks_beginning()))
        source.converter->flush(converted);
      // It may have to wait for long.
      if (converted.capacity() > Block::kMedium + 2 * converted.size()) converted.shrink_to_fit();
      gather.count = first;
      gather.add(source.converted);
      gather.add(converted);
      bytes = source.converted.size() + converted.size();
      source.converted = {};
    }
    const bool whole = reader.done() && conversion.idle();
    source.bytes += bytes;
    if (source.limit != 0 && source.bytes > source.limit) co_return failed({RelayOutcome::kSourceTooLarge});

    if (chunked && bytes > 0) {
      const auto [end, error] = std::to_chars(size_line.data(), size_line.data() + 16, bytes, 16);
      end[0] = '\r';
      end[1] = '\n';
      *size_piece = {size_line.data(), static_cast<size_t>(end + 2 - size_line.data())};
    }
    if (chunked && bytes > 0) gather.add("\r\n");
    const bool keeps_trailers = source.converter == nullptr || source.converter->keeps_trailers();
    if (whole && keeps_trailers && (chunked || sink.channel != nullptr)) trailers = reader.trailers();
    if (chunked && whole) {
      gather.add(trailers.empty() ? "0\r\n\r\n" : "0\r\n");
      gather.add(trailers);
      if (!trailers.empty()) gather.add("\r\n");
    }
    const bool ends_stream = sink.channel != nullptr && whole;
    if (ends_stream) sink.channel->end_after_write(trailers);
    // The head leaves with a body that is made whole, or with the first that a decoder makes of it.
    const bool holds =
        source.converter != nullptr && bytes == 0 && !whole &&
        (source.converter->waits_for_all() || (!begun && source.converter->checks_beginning()));
    if (!holds && !begun) {
      begun = true;
      if (sink.begin) {
        Task<IoResult> beginning = sink.begin();
        const IoResult begin = co_await beginning;
        if (!begin.ok()) co_return relay_failure(RelayOutcome::kSinkFailed, begin.error);
      }
    }
    if (source.converter != nullptr && begun && conversion.idle() && input.empty() && source.rest.empty()) {
      // What has been made of it waits for the sink now.
      source.first.release();
      source.more.release();
    }
    if (!holds && (gather.count > 0 || ends_stream)) {
      const Clock::time_point began = sink.stream.loop().now();
      const IoResult written =
          co_await sink.stream.write(std::span(gather.pieces.data(), gather.count), sink.timeout);
      if (!written.ok()) co_return relay_failure(RelayOutcome::kSinkFailed, written.error);
      pace.written(sink.stream.loop().now() - began);
      head = {};
    }
    if (whole) co_return {RelayOutcome::kComplete};
    if (!input.empty() || !conversion.idle()) continue;

    if (source.stored != nullptr) {
      if (from_file) {
        const uint64_t before = source.bytes;
        Task<RelayResult> sending = send_from_file(source, sink);
        const RelayResult sent = co_await sending;
        if (sent.outcome != RelayOutcome::kComplete) co_return sent;
        reader.skip(source.bytes - before);
        if (reader.done()) co_return sent;
      }
      if (!source.stored->at_end()) {
        Task<bool> waiting = source.stored->wait(sink.stream.loop(), source.timeout);
        if (source.watch != nullptr) source.watch->arrange();
        if (!co_await waiting) co_return failed({RelayOutcome::kSourceFailed});
      }
      input = source.stored->take();
      source_ended = source.stored->at_end();
      continue;
    }
    if (begun) source.first.release();
    const IoResult got = co_await read_block(source, pace);
    if (!got.ok()) co_return failed(relay_failure(RelayOutcome::kSourceFailed, got.error));
    if (got.bytes == 0) {
      if (!reader.ends_with_source()) co_return failed({RelayOutcome::kSourceClosed});
      source_ended = true;
    }
    pace.read(source.more.block, got.bytes);
    drained = got.bytes < pace.asked(source.more.block);
    input = note_read(source, got);
    source_ended |= source.channel != nullptr && source.channel->at_end();
  }
}

namespace {

enum class Until : uint8_t { kEnd, kSomething };

// Reads a body; what its converter makes of it, where there is one, is added to `out`. `filling`, where it is
// not null, gets that, or the body as it is.
Task<RelayResult> consume(BodySource& source, std::string& out, Until until,
                          cache::Filling* filling = nullptr) {
  BodyReader reader(source);
  Conversion conversion(source);
  Gather pieces;
  Pace pace(source, nullptr);
  std::string_view input = source.received;
  if (source.framing.kind == BodyKind::kNone) reader.finish(input);
  for (;;) {
    pieces.count = 0;
    const bool takes = conversion.idle();
    if (takes && !reader.take(input, pieces, source.bytes)) co_return {RelayOutcome::kSourceMalformed};
    if (source.limit != 0 && source.bytes > source.limit) co_return {RelayOutcome::kSourceTooLarge};
    if (source.converter != nullptr) {
      if (takes) conversion.give(pieces.from(0), reader.end());
      Task<ConversionStep> converting = conversion.run(out);
      const ConversionStep step = co_await converting;
      if (!goes_on(step)) co_return failure_of(step);
    }
    const bool idle = conversion.idle();
    const bool whole = reader.done() && idle;
    if (filling != nullptr) {
      if (source.converter != nullptr && !whole && idle && input.empty()) source.converter->flush(out);
      for (size_t i = 0; i < pieces.count && source.converter == nullptr; ++i)
        filling->append({static_cast<const char*>(pieces.pieces[i].iov_base), pieces.pieces[i].iov_len});
      if (!out.empty()) filling->append(out);
      out.clear();
      if (filling->has_to_wait() && !whole) {
        Task<bool> waiting = filling->wait(source.stream.loop(), source.timeout);
        if (!co_await waiting) co_return {RelayOutcome::kSinkFailed};
      }
    }
    if (whole || (until == Until::kSomething && idle && !out.empty())) {
      source.received = input;
      co_return {RelayOutcome::kComplete};
    }
    if (!input.empty() || !idle) continue;
    const IoResult got = co_await read_block(source, pace);
    if (!got.ok()) co_return {RelayOutcome::kSourceFailed, got.error};
    if (got.bytes == 0 && !reader.ends_with_source()) co_return {RelayOutcome::kSourceClosed};
    if (got.bytes == 0) reader.finish({});
    input = {source.more.block.data(), got.bytes};
  }
}

}  // namespace

Task<RelayResult> store_message(BodySource& source, cache::Filling& filling) {
  std::string converted(source.converted);
  co_return co_await consume(source, converted, Until::kEnd, &filling);
}

Task<RelayResult> discard_message(BodySource& source) {
  std::string nothing;
  co_return co_await consume(source, nothing, Until::kEnd);
}

Task<RelayResult> convert_message(BodySource& source, std::string& out) {
  return consume(source, out, Until::kEnd);
}

Task<RelayResult> convert_beginning(BodySource& source, std::string& out) {
  return consume(source, out, Until::kSomething);
}

}  // namespace portcullis::proxy

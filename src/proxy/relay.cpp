#include "proxy/relay.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <iterator>
#include <string>
#include <utility>

#include "base/text.h"
#include "policy/converter_chain.h"
#include "proxy/client_watch.h"
#include "proxy/pace.h"
#include "proxy/relay_file.h"

namespace portcullis::proxy {
namespace {

using http::BodyKind;

constexpr size_t kMostPieces = 64;

// The vector of one write: head, chunk size line, runs of data, chunk end. Left uninitialised: it is large.
struct Gather {
  std::array<iovec, kMostPieces + 6> pieces;
  size_t count = 0;

  void add(std::string_view text) {
    if (!text.empty()) pieces[count++] = {const_cast<char*>(text.data()), text.size()};
  }
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
    while (!done() && !input.empty() && out.count < kMostPieces) {
      std::string_view data;
      if (!take_run(input, data)) return false;
      out.add(data);
      bytes += data.size();
      if (source_.copy != nullptr) source_.copy->add(data);
    }
    return true;
  }

  // Moves the next run of data, which may be empty, from `input` to `data`; false when the coding is broken.
  // Not once it is done.
  bool take_run(std::string_view& input, std::string_view& data) {
    switch (source_.framing.kind) {
      case BodyKind::kNone: finish(input); break;
      case BodyKind::kUntilClose:
      case BodyKind::kStream: data = std::exchange(input, {}); break;
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
    return true;
  }

  std::string_view trailers() const {
    return source_.channel != nullptr ? source_.channel->trailers() : decoder_.trailers();
  }
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

// What a source's converter makes of its body, a bounded part at a time, so that what waits for a sink which
// takes nothing stays small, whatever the body grows to.
class Conversion {
 public:
  // Both outlive it. Without a converter it is not used.
  Conversion(BodySource& source, BodyReader& reader) : source_(source), reader_(reader) {}

  // Appends to `out` what becomes of `input`, which loses what has been used, until that is kMaxConverted
  // bytes or somewhat more. Adds to `bytes` what has been used. False when the converter finds it malformed,
  // or the chunked coding is broken.
  bool run(std::string_view& input, std::string& out, uint64_t& bytes) {
    const size_t enough = out.size() + kMaxConverted;
    while (out.size() < enough) {
      if (is_idle()) {
        if (input.empty() || reader_.done()) break;
        if (!reader_.take_run(input, run_)) return false;
        bytes += run_.size();
      } else if (!source_.converter->convert_some(run_, out, enough)) {
        return false;
      }
    }
    return true;
  }
  // Everything has been converted that was taken from the input.
  bool is_idle() const { return run_.empty() && !source_.converter->has_more(); }

  // The body's end has come, and everything before it has been converted: appends what the end becomes. False
  // when it should not have come.
  bool finish(std::string& out) {
    return source_.converter->finish(http::permitted_trailers(reader_.trailers(), source_.trailers), out);
  }

 private:
  static constexpr size_t kMaxConverted = 32 * 1024;

  BodySource& source_;
  BodyReader& reader_;
  std::string_view run_;  // of data, that has not been converted
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
  Conversion conversion(source, reader);
  Gather gather;
  std::array<char, 20> size_line;
  std::string_view input = source.received;
  std::string trailers;
  std::string converted;
  bool drained = true;  // what there was to be read has been
  uint64_t fed = 0;     // bytes that the converter has seen
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
    size_t bytes = 0;
    converted.clear();
    const bool well_formed = source.converter == nullptr ? reader.take(input, gather, bytes)
                                                         : conversion.run(input, converted, fed);
    if (!well_formed) co_return failed({RelayOutcome::kSourceMalformed});
    if (source_ended && input.empty() && reader.ends_with_source()) reader.finish({});
    bool whole = reader.done();  // no more than this is to be sent
    if (source.converter != nullptr) {
      const bool idle = conversion.is_idle();
      whole = whole && idle;
      if (whole && !conversion.finish(converted)) co_return failed({RelayOutcome::kSourceMalformed});
      // Where the body's length is not known, more may be long in coming.
      if (!whole && idle && input.empty() && drained && !source.framing.has_length() &&
          (fed > 0 || !source.converter->checks_beginning()))
        source.converter->flush(converted);
      gather.add(source.converted);
      gather.add(converted);
      bytes = source.converted.size() + converted.size();
      source.converted = {};
    }
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
    if (whole && keeps_trailers && (chunked || sink.channel != nullptr))
      trailers = http::permitted_trailers(reader.trailers(), source.trailers);
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
    if (!holds && (gather.count > 0 || ends_stream)) {
      const Clock::time_point began = sink.stream.loop().now();
      const IoResult written =
          co_await sink.stream.write(std::span(gather.pieces.data(), gather.count), sink.timeout);
      if (!written.ok()) co_return relay_failure(RelayOutcome::kSinkFailed, written.error);
      pace.written(sink.stream.loop().now() - began);
      head = {};
    }
    if (whole) co_return {RelayOutcome::kComplete};
    if (!input.empty() || (source.converter != nullptr && !conversion.is_idle())) continue;

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
  Conversion conversion(source, reader);
  Gather pieces;
  Pace pace(source, nullptr);
  std::string_view input = source.received;
  if (source.framing.kind == BodyKind::kNone) reader.finish(input);
  for (;;) {
    pieces.count = 0;
    size_t bytes = 0;
    const bool well_formed = source.converter == nullptr ? reader.take(input, pieces, bytes)
                                                         : conversion.run(input, out, source.bytes);
    if (!well_formed) co_return {RelayOutcome::kSourceMalformed};
    source.bytes += bytes;
    if (source.limit != 0 && source.bytes > source.limit) co_return {RelayOutcome::kSourceTooLarge};
    const bool idle = source.converter == nullptr || conversion.is_idle();
    const bool whole = reader.done() && idle;
    if (source.converter != nullptr && whole && !conversion.finish(out))
      co_return {RelayOutcome::kSourceMalformed};
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

void add_converter(BodySource& source, policy::ResponseConverter& next,
                   std::unique_ptr<policy::ResponseConverter>& chain, std::string& converted) {
  if (!source.converted.empty()) {
    std::string again;
    (void)next.convert(source.converted, again);
    converted = std::move(again);
    source.converted = converted;
  }
  if (source.converter == nullptr) {
    source.converter = &next;
    return;
  }
  chain = std::make_unique<policy::ConverterChain>(*source.converter, next);
  source.converter = chain.get();
}

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

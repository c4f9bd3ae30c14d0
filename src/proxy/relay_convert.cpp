#include "proxy/relay_convert.h"

#include "policy/converter_chain.h"
#include "proxy/client_watch.h"

namespace portcullis::proxy {

namespace {

// Does what the converter has put off; the client is watched meanwhile.
Task<ConversionStep> proceed(BodySource& source, std::string& out) {
  if (source.watch != nullptr) source.watch->arrange();
  Task<ConversionStep> proceeding = source.converter->proceed(out);
  co_return co_await proceeding;
}

}  // namespace

void Conversion::give(std::span<const iovec> pieces, std::optional<std::string> trailers) {
  pieces_.assign(pieces.begin(), pieces.end());
  next_ = 0;
  trailers_ = std::move(trailers);
}

// Makes one step of what has to be done.
Task<ConversionStep> Conversion::step(std::string& out) {
  policy::ResponseConverter& converter = *source_.converter;
  ConversionStep made = ConversionStep::kDone;
  if (has_more_) {
    made = converter.more(out);
  } else if (!data_.empty() || next_ < pieces_.size()) {
    if (data_.empty()) {
      const iovec& piece = pieces_[next_++];
      data_ = {static_cast<const char*>(piece.iov_base), piece.iov_len};
    }
    const std::string_view part = data_.substr(0, policy::kMaxConvertedAtOnce);
    data_.remove_prefix(part.size());
    made = converter.convert(part, out);
  } else if (trailers_) {
    finishing_ = std::move(*trailers_);
    trailers_.reset();
    made = converter.finish(finishing_, out);
  }
  if (made == ConversionStep::kLater) {
    Task<ConversionStep> proceeding = proceed(source_, out);
    made = co_await proceeding;
  }
  has_more_ = made == ConversionStep::kMore;
  co_return made;
}

Task<ConversionStep> Conversion::run(std::string& out) {
  const size_t before = out.size();
  EventLoop& loop = source_.stream.loop();
  while (has_rest()) {
    // A source that always has something, and a sink that takes everything, would keep all others waiting.
    if (loop.round_is_long()) co_await next_round(loop);
    Task<ConversionStep> stepping = step(out);
    const ConversionStep made = co_await stepping;
    if (!goes_on(made)) co_return made;
    if (has_rest() && out.size() - before >= policy::kMaxMadeAtOnce) co_return ConversionStep::kMore;
  }
  co_return ConversionStep::kDone;
}

RelayResult failure_of(ConversionStep step) {
  switch (step) {
    case ConversionStep::kOverloaded: return {RelayOutcome::kOverloaded};
    case ConversionStep::kGivenUp: return {RelayOutcome::kCancelled};
    default: return {RelayOutcome::kSourceMalformed};
  }
}

Task<void> add_converter(BodySource& source, policy::ResponseConverter& next,
                         std::unique_ptr<policy::ResponseConverter>& chain, std::string& converted) {
  if (!source.converted.empty()) {
    std::string again;
    Task<ConversionStep> encoding =
        policy::encode_in_parts(next, source.converted, again, source.stream.loop());
    (void)co_await encoding;
    converted = std::move(again);
    source.converted = converted;
  }
  if (source.converter == nullptr) {
    source.converter = &next;
    co_return;
  }
  chain = std::make_unique<policy::ConverterChain>(*source.converter, next, source.stream.loop());
  source.converter = chain.get();
}

}  // namespace portcullis::proxy

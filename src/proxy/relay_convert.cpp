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

Task<ConversionStep> convert_pieces(BodySource& source, std::span<const iovec> pieces,
                                    std::optional<std::string> trailers, std::string& out) {
  for (const iovec& piece : pieces) {
    std::string_view data{static_cast<const char*>(piece.iov_base), piece.iov_len};
    while (!data.empty()) {
      const std::string_view part = data.substr(0, policy::kMaxConvertedAtOnce);
      ConversionStep step = source.converter->convert(part, out);
      if (step == ConversionStep::kLater) {
        Task<ConversionStep> proceeding = proceed(source, out);
        step = co_await proceeding;
      }
      if (step != ConversionStep::kDone) co_return step;
      data.remove_prefix(part.size());
      if (!data.empty()) co_await sleep_for(source.stream.loop(), Milliseconds(0));
    }
  }
  if (!trailers) co_return ConversionStep::kDone;
  const ConversionStep step = source.converter->finish(*trailers, out);
  if (step != ConversionStep::kLater) co_return step;
  Task<ConversionStep> proceeding = proceed(source, out);
  co_return co_await proceeding;
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

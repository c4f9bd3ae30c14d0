// How an exchange keeps its response, and answers with one that is kept.

#include <utility>

#include "proxy/exchange.h"

namespace portcullis::proxy {

using http::BodyKind;
using http::FieldId;

namespace {

constexpr uint64_t kMaxCopiedStored = 16 * 1024;

// A response on its way from a target to the cache, with all that its body needs. It goes on when the client
// who asked for it first has left.
struct Delivery {
  explicit Delivery(Worker& its_worker) : worker(its_worker) { worker.errand_began(); }
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;
  ~Delivery() { worker.errand_ended(); }

  Worker& worker;
  std::shared_ptr<WorkerSnapshot> snapshot;  // the target is its
  upstream::InFlight in_flight;
  std::unique_ptr<upstream::Connection> connection;
  InputBuffer input;
  std::string converted;
  std::unique_ptr<policy::ResponseConverter> converter;
  std::unique_ptr<policy::ResponseConverter> encoder;
  std::unique_ptr<policy::ResponseConverter> chain;  // of both
  std::unique_ptr<cache::Filling> filling;
  bool keep_alive = false;
};

Task<void> deliver(std::unique_ptr<Delivery> delivery, std::unique_ptr<BodySource> source) {
  if (delivery->encoder) {
    Task<void> adding = add_converter(*source, *delivery->encoder, delivery->chain, delivery->converted);
    co_await adding;
  }
  const RelayResult result = co_await store_message(*source, *delivery->filling);
  if (result.outcome != RelayOutcome::kComplete) co_return;
  delivery->filling->finish();
  if (delivery->keep_alive && source->rest.empty()) {
    upstream::Target& target = delivery->connection->target();
    target.give_back(std::move(delivery->connection));
  }
}

}  // namespace

// From here on the body goes to the cache, and whoever wants it reads it there.
void Exchange::store_response(std::unique_ptr<upstream::Connection> connection, BodySource& source,
                              InputBuffer input) {
  auto delivery = std::make_unique<Delivery>(worker_);
  const bool converted_whole = source.received.data() == converted_.data();
  const std::string_view received = source.received;
  delivery->snapshot = snapshot_;
  delivery->in_flight = std::move(in_flight_);
  delivery->connection = std::move(connection);
  delivery->input = std::move(input);
  delivery->converted = std::move(converted_);
  delivery->converter = std::move(context_.converter);
  delivery->filling = std::move(context_.storing);
  delivery->keep_alive = stored_keep_alive_;
  auto from = std::make_unique<BodySource>(BodySource{.stream = delivery->connection->stream,
                                                      .framing = source.framing,
                                                      .received = received,
                                                      .timeout = source.timeout,
                                                      .converter = source.converter,
                                                      .trailers = {.metadata = source.trailers.metadata},
                                                      .chunks = source.chunks,
                                                      .channel = source.channel});
  // A short string moves with its owner.
  if (converted_whole) from->received = delivery->converted;
  if (!source.converted.empty()) from->converted = delivery->converted;
  delivery->encoder = std::move(stored_encoder_);
  worker_.spawn(deliver(std::move(delivery), std::move(from)));
}

// Sends the head that a policy has made, and what Context::serving reads.
Task<void> Exchange::send_stored() {
  cache::BodyReader& reader = *context_.serving;
  if (client_.connection.closing()) close_client_ = true;
  response_.version = http::Version::kHttp11;
  response_.fields.remove(FieldId::kContentLength);
  const bool bodiless = http::has_no_content(response_.status);
  const auto length = context_.encoder ? std::nullopt : reader.length();
  BodyKind kind = BodyKind::kLength;
  if (bodiless) {
    kind = BodyKind::kNone;
  } else if (length) {
    response_.fields.add("content-length", arena_.decimal(*length), FieldId::kContentLength);
  } else {
    kind = request_.version == http::Version::kHttp10 ? BodyKind::kUntilClose : BodyKind::kChunked;
  }
  const bool ends_here =
      bodiless || length == uint64_t{0} || request_.method == "HEAD" || rehearsal_ != nullptr;
  if (kind == BodyKind::kUntilClose && !ends_here) close_client_ = true;
  if (!reader.valid() && !ends_here) {
    // It is not kept any more, and was not begun to be read in time.
    co_return leave_client();
  }
  answered_ = true;
  const ClientWatch::Scope watching(client_watch_);
  client_watch_.begin([&reader] { reader.give_up(); }, nullptr, unread());
  const std::string_view beginning = ends_here ? std::string_view() : reader.take();
  const bool small = length && beginning.size() == *length && *length <= kMaxCopiedStored;
  HeadWriter head(1024 + (small ? beginning.size() : 0));
  BodySource source{.stream = client_.stream,
                    .framing = {kind == BodyKind::kLength ? kind : BodyKind::kStream, length.value_or(0)},
                    .received = beginning,
                    .timeout = settings_.send_timeout,
                    .stored = &reader,
                    .watch = &client_watch_};
  if (ends_here) source.framing = {};
  if (context_.encoder && !ends_here) {
    if (const auto known = reader.length()) source.framing = {BodyKind::kLength, *known + beginning.size()};
    source.converter = context_.encoder.get();
  }
  RelayResult sent;
  if (client_.channel != nullptr) {
    Task<bool> sending = send_http2_head(kind, ends_here ? EndOfMessage::kHere : EndOfMessage::kLater);
    if (!co_await sending) {
      sent = {RelayOutcome::kSinkFailed};
    } else if (!ends_here) {
      sent = co_await relay_message(
          {}, source, {client_.stream, BodyKind::kStream, settings_.send_timeout, client_.channel});
    }
    co_return conclude(sent, source);
  }
  write_response_head(head, kind);
  if (small || ends_here) {
    // Copying a small body behind the head costs less than a gathered write.
    head.write(beginning);
    source.bytes = beginning.size();
    if (!co_await send_text(head.text())) sent = {RelayOutcome::kSinkFailed};
  } else {
    sent = co_await relay_message(head.text(), source, {client_.stream, kind, settings_.send_timeout});
  }
  conclude(sent, source);
}

}  // namespace portcullis::proxy

#include "proxy/store_response.h"

#include <utility>

#include "proxy/convert_stage.h"
#include "proxy/relay.h"

namespace portcullis::proxy {
namespace {

// A response on its way from a target to the cache, with all that its body needs. It goes on when the client
// that asked for it first has left.
struct Delivery {
  explicit Delivery(WorkerContext& its_worker) : worker(its_worker) { worker.errand_began(); }
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;
  ~Delivery() { worker.errand_ended(); }

  WorkerContext& worker;
  std::shared_ptr<WorkerSnapshot> snapshot;  // the target is its
  upstream::InFlight in_flight;
  std::unique_ptr<upstream::Connection> connection;
  std::unique_ptr<http::ClientStream> message;
  std::unique_ptr<policy::ResponseConverter> converter;
  std::unique_ptr<policy::ResponseConverter> encoder;
  std::unique_ptr<http::BodySource> body;
  MessageBody* from_target = nullptr;  // a part of `body`
  std::unique_ptr<cache::Filling> filling;
  Milliseconds timeout{0};
  bool keep_alive = false;
};

Task<void> deliver(std::unique_ptr<Delivery> delivery) {
  EventLoop& loop = delivery->worker.loop();
  Task<RelayResult> storing = store_body(*delivery->body, *delivery->filling, loop, delivery->timeout);
  const RelayResult result = co_await storing;
  if (!result.ok()) co_return;
  delivery->filling->finish();
  const MessageBody& from_target = *delivery->from_target;
  if (!delivery->keep_alive || !from_target.complete() || !from_target.rest().empty()) co_return;
  upstream::Target& target = delivery->connection->target();
  delivery->body.reset();
  delivery->message.reset();
  target.give_back(std::move(delivery->connection));
}

}  // namespace

void store_response(ExchangeState& state, Attempt& attempt, MessageBody& from_target,
                    std::unique_ptr<http::BodySource> body,
                    std::unique_ptr<policy::ResponseConverter> encoder, bool keep_alive) {
  auto delivery = std::make_unique<Delivery>(state.worker);
  body->detach();
  Attempt::Parts parts = attempt.release();
  delivery->snapshot = state.snapshot;
  delivery->in_flight = std::move(parts.in_flight);
  delivery->connection = std::move(parts.connection);
  delivery->message = std::move(parts.message);
  delivery->converter = std::move(state.context.converter);
  delivery->encoder = std::move(encoder);
  delivery->body = std::move(body);
  if (delivery->encoder)
    delivery->body = std::make_unique<ConvertStage>(std::move(delivery->body), *delivery->encoder,
                                                    state.worker.loop(), nullptr);
  delivery->from_target = &from_target;
  delivery->filling = std::move(state.context.storing);
  delivery->timeout = delivery->connection->target().upstream().response_timeout;
  delivery->keep_alive = keep_alive;
  state.worker.spawn(deliver(std::move(delivery)));
}

}  // namespace portcullis::proxy

// Errands: an exchange sends its request once more, without a client (see policy::Errands).

#include "http/h1/server_stream.h"
#include "proxy/absent_client.h"
#include "proxy/exchange.h"

namespace portcullis::proxy {

Exchange::Exchange(Client client, const Exchange& original, const void* sender,
                   const std::function<void(policy::Context&)>& prepare)
    : state_(client, original.state_.worker, original.state_.snapshot, original.state_.settings,
             ExchangeState::Kind::kErrand) {
  const Request& asked = original.state_.request;
  Request& request = state_.request;
  Arena& arena = request.arena;
  request.has_head = true;
  request.id = arena.copy(asked.id);
  request.host = arena.copy(asked.host);
  request.path = arena.copy(asked.path);
  request.target_path = arena.copy(original.state_.context.target_path);
  request.origin = asked.origin;
  request.origin.client = arena.copy(asked.origin.client);
  request.origin.host = arena.copy(asked.origin.host);
  request.route = asked.route;
  request.governing = asked.governing;
  request.head.method = arena.copy(asked.head.method);
  request.head.target = arena.copy(asked.head.target);
  request.head.authority = arena.copy(asked.head.authority);
  request.head.path = arena.copy(asked.head.path);
  request.head.query = arena.copy(asked.head.query);
  request.head.has_query = asked.head.has_query;
  request.head.version = asked.head.version;
  for (const http::Field& field : asked.head.fields) {
    const std::string_view value = arena.copy(field.value);
    request.client_values.note_copy(asked.client_values, field.value, value, arena);
    request.head.fields.add(arena.copy(field.name), value, field.id);
  }
  fill_context();
  state_.context.caller = original.state_.context.caller;
  state_.context.caller.credential = arena.copy(original.state_.context.caller.credential);
  state_.context.errands = this;
  state_.context.send_timeout = state_.settings.timeouts.send;
  chain_.begin_behind(*request.route, sender);
  prepare(state_.context);
}

bool Exchange::send(const void* sender, const std::function<void(policy::Context&)>& prepare) {
  if (state_.kind == ExchangeState::Kind::kErrand) return false;  // errands send no errands
  // Stands for the client of an errand: everything that is sent to it is dropped.
  struct NoClient {
    explicit NoClient(ClientConnection& like)
        : connection(like.worker(), like.listener(), make_absent_client(), like.facts()),
          message(connection.stream, connection.input, connection.message_settings()) {}

    ClientConnection connection;
    http::h1::ServerMessageStream message;
  };
  struct Life {
    static Task<void> run([[maybe_unused]] std::unique_ptr<NoClient> client,
                          std::unique_ptr<Exchange> errand) {
      co_await errand->run_errand();
      errand.reset();  // the errand refers to the client, so it must be destroyed first
    }
  };
  auto client = std::make_unique<NoClient>(state_.client.connection);
  auto errand =
      std::make_unique<Exchange>(Client{client->connection, client->message}, *this, sender, prepare);
  state_.worker.spawn(Life::run(std::move(client), std::move(errand)));
  return true;
}

void Exchange::copy_to(const policy::CopyReceiver& receiver) {
  state_.copies = state_.request.arena.make<CopyOrder>(&receiver, state_.copies);
}

void Exchange::run(Task<void> task) {
  struct Life {
    explicit Life(WorkerContext& its_worker) : worker(its_worker) { worker.errand_began(); }
    Life(const Life&) = delete;
    Life& operator=(const Life&) = delete;
    ~Life() { worker.errand_ended(); }
    static Task<void> live(WorkerContext& worker, Task<void> task) {
      const Life life(worker);
      co_await task;
    }
    WorkerContext& worker;
  };
  state_.worker.spawn(Life::live(state_.worker, std::move(task)));
}

Task<void> Exchange::run_errand() {
  state_.record.started = state_.worker.loop().now();
  Task<bool> consulting = consult_policies();
  if (co_await consulting) co_return;
  if (state_.request.route->split.empty()) {
    co_await reply_.refuse(kEnds.no_upstream);
    co_return;
  }
  state_.request.branch = &choose_branch();
  Task<http::Persistence> forwarding = forward();
  co_await forwarding;
}

}  // namespace portcullis::proxy

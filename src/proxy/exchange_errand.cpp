// Errands: an exchange sends its request once more, without a client (see policy::Errands).

#include "proxy/exchange.h"
#include "proxy/fill_context.h"
#include "proxy/no_client.h"

namespace portcullis::proxy {
namespace {

// Runs an errand to its end.
Task<void> run_to_end([[maybe_unused]] std::unique_ptr<NoClient> client, std::unique_ptr<Exchange> errand) {
  co_await errand->run_errand();
  errand.reset();  // the errand refers to the client, so it must be destroyed first
}

}  // namespace

Exchange::Exchange(Client client, const Exchange& original, const void* sender, const Prepare& prepare)
    : state_(client, original.state_.worker, original.state_.snapshot, original.state_.settings,
             ExchangeState::Kind::kErrand) {
  const Request& asked = original.state_.request;
  Request& request = state_.request;
  Arena& arena = request.arena;
  request.has_head = true;
  request.id = arena.copy(asked.id);
  request.host = arena.copy(asked.host);
  request.path = arena.copy(asked.path);
  request.target_path = arena.copy(original.state_.context.handling.target_path);
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
  state_.trace.follow(original.state_.trace, arena);
  fill_context(state_);
  state_.context.caller = original.state_.context.caller;
  state_.context.caller.credential = arena.copy(original.state_.context.caller.credential);
  state_.context.errands = this;
  state_.context.client.send_timeout = state_.settings->timeouts.send;
  chain_.begin_behind(*request.route, sender);
  prepare(state_.context);
}

bool Exchange::send(const void* sender, const Prepare& prepare) {
  if (state_.kind == ExchangeState::Kind::kErrand) return false;  // errands send no errands
  auto client = std::make_unique<NoClient>(state_.client.connection, /*delays_drain=*/true);
  auto errand = std::make_unique<Exchange>(client->client(), *this, sender, prepare);
  for (const Branch& branch : state_.request.route->split.branches())
    errand->note_reached(*this, branch.upstream);
  state_.worker.spawn(run_to_end(std::move(client), std::move(errand)));
  return true;
}

void Exchange::send_copy(const void* sender, size_t upstream, std::string body, const Prepare& prepare) {
  auto client = std::make_unique<NoClient>(state_.client.connection, /*delays_drain=*/false);
  auto copy = std::make_unique<Exchange>(client->client(), *this, sender, prepare);
  copy->become_copy(*this, upstream, std::move(body));
  state_.worker.spawn(run_to_end(std::move(client), std::move(copy)));
}

// Keeps the address at which the client has reached the gateway, for an upstream that is told the address.
void Exchange::note_reached(const Exchange& original, size_t upstream) {
  if (state_.reached ||
      state_.snapshot->upstreams[upstream]->definition().proxy_protocol == upstream::ProxyProtocol::kNone)
    return;
  state_.reached = original.state_.introduction().reached;
}

// Makes the errand a copy for another upstream, which no further policy sees.
void Exchange::become_copy(const Exchange& original, size_t upstream, std::string body) {
  note_reached(original, upstream);
  Branch& branch = state_.context.keep_new<Branch>(this);
  branch.upstream = upstream;
  state_.request.branch = &branch;
  state_.request.head.fields.remove(http::FieldId::kExpect);
  if (!body.empty()) state_.held_body.hold_text(std::move(body));
  chain_.skip_rest();
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
  if (state_.request.branch == nullptr) {
    if (state_.request.route->split.empty()) {
      co_await reply_.refuse(kEnds.no_upstream);
      co_return;
    }
    state_.request.branch = &choose_branch();
  }
  Task<http::Persistence> forwarding = forward();
  co_await forwarding;
}

}  // namespace portcullis::proxy

// The choice between the revision in force and its canary, at the beginning of an exchange.

#include "http/path.h"
#include "proxy/exchange.h"
#include "proxy/fill_context.h"
#include "proxy/no_client.h"

namespace portcullis::proxy {

// A preview: finds out who the caller of `original` is, and which route takes the request, without a client
// and without lasting effects. It reads the head of `original`, which outlives it, but changes a copy only.
Exchange::Exchange(Client client, const Exchange& original)
    : state_(client, original.state_.worker, original.state_.snapshot, original.state_.settings,
             ExchangeState::Kind::kRehearsed) {
  const Request& asked = original.state_.request;
  Request& request = state_.request;
  request.has_head = true;
  request.head = asked.head;
  request.head.body = {};  // the body belongs to the original
  request.id = asked.id;
  request.host = asked.host;
  request.origin = asked.origin;
  state_.context.purpose = policy::Purpose::kExplain;
}

// Chooses the snapshot that serves the exchange. False when the client has left meanwhile.
Task<bool> Exchange::choose_revision() {
  // A local pointer, because the canary may end while the policies of the preview wait.
  const std::shared_ptr<const WorkerCanary> canary = state_.worker.canary();
  const CanaryChoice& choice = *canary->choice;
  bool is_taken = false;
  if (choice.needs_base()) {
    NoClient client(state_.client.connection, /*delays_drain=*/false);
    const auto preview = std::make_unique<Exchange>(client.client(), *this);
    Task<std::optional<bool>> previewing = state_.unless_left(preview->is_of_canary(choice));
    const std::optional<bool> found = co_await previewing;
    if (!found) co_return false;
    is_taken = *found;
  } else {
    tell_of_head();
    is_taken = choice.takes(choice.key_of(state_.context));
  }
  if (is_taken && state_.worker.canary() == canary) state_.snapshot = canary->snapshot;
  co_return true;
}

// Fills the part of the context that does not depend on a snapshot.
void Exchange::tell_of_head() {
  Request& request = state_.request;
  policy::Context& context = state_.context;
  context.client.address = request.origin.client;
  context.client.certificate = state_.client.connection.certificate().get();
  context.request_id = request.id;
  context.uri.scheme = request.origin.scheme;
  context.uri.host = request.host;
  context.uri.path =
      http::canonical_path(request.head.path, request.arena, state_.settings->path_rules).value_or("");
}

// In a preview: shows the request to the policies of its route until the caller is known. A request that a
// policy refuses or answers, and one that a policy cannot judge without lasting effects, has no key.
Task<bool> Exchange::is_of_canary(const CanaryChoice& choice) {
  Request& request = state_.request;
  const Prepared prepared =
      prepare(request, *state_.snapshot->snapshot, *state_.settings, state_.client.connection);
  if (prepared.own_answer != OwnAnswer::kNone || prepared.refusal != nullptr) co_return false;
  chain_.begin(*request.governing, prepared.policies);
  fill_context(state_);
  while (!choice.knows(state_.context.caller)) {
    const PlacedPolicy* one = chain_.next();
    if (one == nullptr) break;
    policy::Decision decision = (*one)->on_request(state_.context);
    if (decision.kind == policy::Decision::Kind::kSuspend) {
      Task<policy::Decision> settling = policy::settle(std::move(decision.later));
      decision = co_await settling;
    }
    if (decision.kind != policy::Decision::Kind::kContinue) co_return false;
  }
  co_return choice.takes(choice.key_of(state_.context));
}

}  // namespace portcullis::proxy

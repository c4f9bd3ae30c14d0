#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "proxy/client.h"
#include "proxy/client_connection.h"
#include "proxy/client_watch.h"
#include "proxy/connector.h"
#include "proxy/held_body.h"
#include "proxy/record.h"
#include "proxy/request.h"
#include "proxy/trace.h"
#include "proxy/unless_left.h"
#include "proxy/worker_context.h"

namespace portcullis::proxy {

struct RecordedHead;

// The state that the parts of one exchange share: the request, the context of the policies, and the record
// for the log. Each member may use the members before it.
struct ExchangeState {
  // The purpose of the exchange.
  enum class Kind : uint8_t {
    kServed,     // a client waits for the response
    kErrand,     // a policy has sent the request once more, and no client waits for the response
    kRehearsed,  // the exchange only finds out what the gateway would decide
  };

  ExchangeState(Client of, WorkerContext& on, std::shared_ptr<WorkerSnapshot> with,
                std::shared_ptr<const ListenerSettings> by, Kind what)
      : client(of),
        worker(on),
        snapshot(std::move(with)),
        settings(std::move(by)),
        kind(what),
        context{worker.loop(), request.arena, request.head, response},
        held_body(client, request.head, context.request_body.stages),
        watch(client.message, settings->half_close) {}
  ExchangeState(const ExchangeState&) = delete;
  ExchangeState& operator=(const ExchangeState&) = delete;

  // Returns the result of `task`, or nothing when the client leaves first. For waits before the request is
  // sent to a target. When other clients wait for the response too, the task runs to its end.
  template <typename T>
  Task<std::optional<T>> unless_left(Task<T> task) {
    UnlessLeft<T> waiting(worker.loop(), std::move(task));
    const ClientWatch::Scope watching(watch);
    if (!waiting.done() && !context.handling.outlives_client && kind == Kind::kServed) {
      watch.begin([&waiting] { waiting.give_up(); }, nullptr, behind_request());
      watch.arrange();
    }
    co_return co_await waiting;
  }
  // Copies the texts of the response's head into the arena. Call this before the memory of the target's head
  // is returned.
  void keep_response_head() {
    response.reason = request.arena.copy(response.reason);
    for (http::Field& field : response.fields) {
      field.name = request.arena.copy(field.name);
      field.value = request.arena.copy(field.value);
    }
  }
  // What a PROXY header tells a target.
  [[gnu::cold]] Introduction introduction() const {
    Introduction out = Introduction::of(client.connection, request.origin.client);
    if (reached) out.reached = reached;
    return out;
  }
  // The upstream of the branch that has been chosen.
  upstream::Upstream& upstream() const { return *snapshot->upstreams[request.branch->upstream]; }
  // The received bytes that have not been read: the beginning of the body, or the bytes behind a held body.
  std::string_view unread() const { return held_body.held() ? held_body.rest() : client.message.received(); }
  // The part of unread() that follows the request.
  std::string_view behind_request() const {
    return held_body.held() ? held_body.rest()
                            : client.message.behind(context.request_body.stages.received());
  }
  // True when a part of the request's body may still have to arrive.
  bool body_pending() const {
    return context.request_body.stages.received().kind != http::BodyKind::kNone && !held_body.held();
  }

  Client client;
  WorkerContext& worker;
  std::shared_ptr<WorkerSnapshot> snapshot;
  // Kept by the exchange itself, because `snapshot` may change to one of a canary, and the listener may
  // receive other settings before the exchange ends.
  std::shared_ptr<const ListenerSettings> settings;
  Kind kind;
  const RecordedHead* recorded = nullptr;  // of a rehearsed exchange: set when its request is a recorded one
  Request request;
  http::ResponseHead response;  // the current response: a target's, or the gateway's own
  policy::Context context;
  HeldBody held_body;
  ClientWatch watch;
  Record record;
  Trace trace;
  // For an errand: the address at which the client of the original request has reached the gateway.
  std::optional<Endpoint> reached;
};

}  // namespace portcullis::proxy

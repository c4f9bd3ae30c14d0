// How an exchange sends its request once more, for what no client waits for.

#include <algorithm>

#include "proxy/exchange.h"

namespace portcullis::proxy {

Exchange::Exchange(Client client, const Exchange& original, const void* sender,
                   const std::function<void(policy::Context&)>& prepare)
    : client_(client),
      worker_(original.worker_),
      snapshot_(original.snapshot_),
      settings_(original.settings_),
      route_(original.route_),
      governing_(original.governing_),
      origin_(original.origin_),
      has_head_(true),
      context_{worker_.loop(), arena_, request_, response_},
      held_body_(client, request_),
      is_errand_(true) {
  path_ = arena_.copy(original.path_);
  target_path_ = arena_.copy(original.context_.target_path);
  host_ = arena_.copy(original.host_);
  origin_.client = arena_.copy(original.origin_.client);
  origin_.host = arena_.copy(original.origin_.host);
  request_id_ = arena_.copy(original.request_id_);
  const http::RequestHead& asked = original.request_;
  request_.method = arena_.copy(asked.method);
  request_.target = arena_.copy(asked.target);
  request_.authority = arena_.copy(asked.authority);
  request_.path = arena_.copy(asked.path);
  request_.query = arena_.copy(asked.query);
  request_.has_query = asked.has_query;
  request_.version = asked.version;
  client_values_ = arena_.make_array<const char*>(original.client_values_.size());
  size_t client_values = 0;
  for (const http::Field& field : asked.fields) {
    const std::string_view value = arena_.copy(field.value);
    const auto& own = original.client_values_;
    if (std::find(own.begin(), own.end(), field.value.data()) != own.end() &&
        client_values < client_values_.size())
      client_values_[client_values++] = value.data();
    request_.fields.add(arena_.copy(field.name), value, field.id);
  }
  client_values_ = client_values_.first(client_values);
  fill_context();
  context_.caller = original.context_.caller;
  context_.caller.credential = arena_.copy(original.context_.caller.credential);
  while (first_policy_ < route_->policies.size() && route_->policies[first_policy_].policy.get() != sender)
    ++first_policy_;
  policies_run_ = policies_begun_ = first_policy_ + 1;
  policies_asked_ = route_->policies.size();
  prepare(context_);
}

bool Exchange::send(const void* sender, const std::function<void(policy::Context&)>& prepare) {
  struct Life {
    static Task<void> run([[maybe_unused]] std::unique_ptr<ClientConnection> connection,
                          std::unique_ptr<Exchange> errand) {
      co_await errand->run_errand();
      errand.reset();  // it refers to the connection
    }
  };
  auto nobody = std::make_unique<ClientConnection>(client_.connection);
  auto errand =
      std::make_unique<Exchange>(Client{*nobody, nobody->stream, nobody->input}, *this, sender, prepare);
  worker_.spawn(Life::run(std::move(nobody), std::move(errand)));
  return true;
}

// Nothing is kept of the response, and no client waits for it. A short body is read, so that the connection
// can be used again; a longer one is not worth what it takes, and its connection is closed.
Task<void> Exchange::leave_response(std::unique_ptr<upstream::Connection> connection, BodySource& source) {
  static constexpr uint64_t kMaxDiscarded = 64 * 1024;
  ended_ = &kEnds.complete;
  answered_ = true;
  const http::BodyFraming& body = source.framing;
  const bool is_short =
      body.kind == http::BodyKind::kNone || (body.has_length() && body.length <= kMaxDiscarded);
  if (!is_short || !response_.keep_alive || !upload_done_) co_return;
  source.converter = nullptr;
  const RelayResult dropped = co_await discard_message(source);
  if (dropped.outcome != RelayOutcome::kComplete || !source.rest.empty()) co_return;
  upstream::Target& target = connection->target();
  target.give_back(std::move(connection));
}

Task<void> Exchange::run_errand() {
  started_ = worker_.loop().now();
  if (co_await consult_policies()) co_return;
  target_path_ = context_.target_path;
  drop_client_values();
  if (route_->split.empty()) {
    co_await refuse(kEnds.no_upstream);
    co_return;
  }
  branch_ = choose_branch();
  Task<Persistence> forwarding = forward();
  co_await forwarding;
}

}  // namespace portcullis::proxy

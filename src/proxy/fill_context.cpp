#include "proxy/fill_context.h"

#include "http/authority.h"

namespace portcullis::proxy {

void fill_context(ExchangeState& state) {
  const Request& request = state.request;
  policy::Context& context = state.context;
  context.client.address = request.origin.client;
  context.client.certificate = state.client.connection.certificate().get();
  const std::string_view port = http::port_of(request.head.authority, request.origin.scheme);
  context.uri = {
      .scheme = request.origin.scheme,
      .host = request.host,
      .authority = port.empty() ? request.host : state.request.arena.concat(request.host, ":", port),
      .forwarded_host = request.origin.host,
      .path = request.path};
  context.handling.target_path = request.target_path;
  context.worker = state.worker.index();
  context.request_body.holder = &state.held_body;
  context.request_id = request.id;
  context.revision = state.snapshot->snapshot->revision_text;
  if (request.governing != nullptr) context.route.pseudonym = request.governing->pseudonym;
  if (request.route == nullptr) return;
  context.route.parameters = &request.route->parameters;
  // Policies run before the branch is chosen, because the choice may depend on their results. The context
  // names the upstream of the first branch.
  const Split& split = request.route->split;
  if (!split.empty())
    context.route.upstream = state.snapshot->upstreams[split.branches()[0].upstream]->definition().name;
  context.route.name = request.route->name;
}

}  // namespace portcullis::proxy

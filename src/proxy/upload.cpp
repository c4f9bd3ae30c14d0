#include "proxy/upload.h"

#include "http/text_body.h"

namespace portcullis::proxy {

void Upload::prepare(const http::MessageStream& to) {
  if (retained_.unsent) {
    body_ = std::move(retained_.unsent);
    from_client_ = std::exchange(retained_.unsent_from_client, nullptr);
    from_client_->set_sink(&to);
    return;
  }
  const HeldBody& held = state_.held_body;
  const policy::RequestStages& stages = state_.context.request_body.stages;
  const http::BodyFraming& framing = stages.received();
  if (framing.kind == http::BodyKind::kNone) return;
  if (held.held()) {
    body_ = stages.observed(stages.behind(std::make_unique<http::TextBody>(held.content())));
    return;
  }
  const std::string_view received = retained_.replay.block ? retained_.replay.content() : state_.unread();
  auto body = std::make_unique<http::MessageBody>(
      state_.client.message, received,
      http::MessageBody::Settings{.framing = framing,
                                  .timeout = state_.settings->timeouts.body,
                                  .limit = state_.context.request_body.limit,
                                  .trailers = {.listed = &state_.settings->request_trailers},
                                  .chunks = {.trailer_size = state_.settings->limits.head_size},
                                  .sink = &to});
  from_client_ = body.get();
  body_ = stages.observed(stages.behind(std::move(body)));
}

bool Upload::waits_for_continue() const {
  const http::RequestHead& head = state_.request.head;
  return head.expects_continue && head.fields.find(http::FieldId::kExpect) != nullptr &&
         from_client_ != nullptr && body_->holds_head() && state_.unread().empty();
}

bool Upload::keep_for_next_try() {
  if (is_done_ || from_client_ == nullptr || !body_->waits_for_peer()) return false;
  stop();
  from_client_->set_sink(nullptr);
  retained_.unsent = std::move(body_);
  retained_.unsent_from_client = std::exchange(from_client_, nullptr);
  return true;
}

bool Upload::survives_refusal() {
  constexpr unsigned kMaxRefusals = 4;
  const bool body_is_here = from_client_ == nullptr || from_client_->is_all_here();
  return body_is_here && ++retained_.refusals <= kMaxRefusals;
}

}  // namespace portcullis::proxy

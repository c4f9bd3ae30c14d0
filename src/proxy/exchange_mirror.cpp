// What an exchange leaves behind for upstreams that get a copy of its request.

#include <algorithm>

#include "proxy/exchange.h"

namespace portcullis::proxy {

// Takes what of the request will not be there any more when it is over. Allocates: copies are asked for.
void Exchange::prepare_mirroring() {
  if (request_.wants_upgrade) return;
  auto copy = std::make_shared<MirroredRequest>();
  copy->method = request_.method;
  copy->target = request_.has_query ? arena_.concat(target_path_, "?", request_.query) : target_path_;
  copy->authority = route_->host.empty() ? request_.authority : std::string_view(route_->host);
  HeadWriter lines(head_size_ + 1024);
  write_request_fields(lines);
  lines.field("x-mirrored", "true");
  copy->fields = lines.text();
  copy->has_length = request_.body.kind == http::BodyKind::kNone
                         ? request_.fields.find(http::FieldId::kContentLength) != nullptr
                         : request_.body.has_length();
  for (const auto* one = context_.mirrors; one != nullptr; one = one->next) {
    copy->body.limit = std::max<size_t>(copy->body.limit, one->to->body_size);
    if (snapshot_->upstreams[one->to->upstream]->definition().proxy_protocol !=
        upstream::ProxyProtocol::kNone)
      copy->introduction = Introduction::of(client_.connection, origin_.client);
  }
  copy->snapshot = snapshot_;
  mirrored_ = std::move(copy);
}

// The exchange is over: nothing that happens to the copies can reach it.
void Exchange::mirror() {
  if (held_body_.held()) {
    mirrored_->body.clear();
    mirrored_->body.add(held_body_.content());
  } else if (request_.body.kind != http::BodyKind::kNone &&
             (!upload_done_ || upload_result_.outcome != RelayOutcome::kComplete)) {
    return;  // it has not come whole
  }
  for (const auto* one = context_.mirrors; one != nullptr; one = one->next) {
    if (mirrored_->body.too_large) {
      one->to->dropped.add(worker_.index());
    } else {
      worker_.spawn(send_mirrored(worker_, mirrored_, one->to));
    }
  }
}

}  // namespace portcullis::proxy

#include "proxy/client_watch.h"

#include <utility>

namespace portcullis::proxy {

void ClientWatch::begin(GiveUp give_up, const http::MessageBody* request, std::string_view behind) {
  give_up_ = std::move(give_up);
  request_ = request;
  behind_ = behind;
  client_.watch(this);
  if (gone_) return give_up_();
  look_again();
}

void ClientWatch::look_again() {
  if (give_up_ && client_.has_ended()) look();
}

void ClientWatch::end() {
  if (!give_up_) return;
  give_up_ = nullptr;
  client_.watch(nullptr);
}

void ClientWatch::arrange() {
  // When ensure_watched() fails, the exchange continues, and the next write to the client detects its end.
  if (give_up_ && !client_.watched()) (void)client_.ensure_watched();
}

void ClientWatch::look() {
  if (gone_ || !has_left()) return;
  gone_ = true;
  give_up_();
}

bool ClientWatch::has_left() {
  switch (client_.peer_state()) {
    case PeerState::kPresent: return false;
    case PeerState::kGone: return true;
    case PeerState::kFinished: break;
  }
  // When the end comes within the request, the reader of the request's body detects it.
  if (half_close_ == HalfClose::kIsServed || (request_ != nullptr && !request_->complete())) return false;
  const bool further = !behind_.empty() || (request_ != nullptr && !request_->rest().empty());
  return !further;
}

}  // namespace portcullis::proxy

// The callbacks by which nghttp2 reports received and sent frames to a session, and the accounting of their
// costs.

#include <algorithm>
#include <cstring>
#include <utility>

#include "http/h2/session.h"

namespace portcullis::http::h2 {
namespace {

// Frames that cause work without any use cost the peer credit. Requests, data frames and time earn credit.
// nghttp2 has a separate limit for rapid resets.
constexpr int64_t kCreditPerSecond = 200;
constexpr int64_t kCostOfFault = 20;
constexpr int64_t kCostOfRefusal = 2;

// The peer may answer each DATA frame that it receives by two window updates (of the stream and of the
// connection) at no cost. Free updates add up to this number, because they may arrive all at once after a
// time in which nothing was read from the peer.
constexpr uint32_t kUpdatesOfData = 2;
constexpr uint32_t kMaxFreeUpdates = 1 << 16;

// A field list that exceeds its limit by this factor ends the connection. HPACK (RFC 7541) can encode such a
// list in a few bytes, and the list must be decoded to its end even if its message is refused.
constexpr size_t kMaxListExcess = 4;

std::string_view view(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

const nghttp2_session_callbacks* Session::callbacks() {
  static const nghttp2_session_callbacks* const all = [] {
    nghttp2_session_callbacks* made = nullptr;
    nghttp2_session_callbacks_new(&made);
    nghttp2_session_callbacks_set_on_begin_frame_callback(made, on_begin_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, on_invalid_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(made, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(made, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(made, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(made, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(made, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(made, on_frame_sent);
    nghttp2_session_callbacks_set_send_data_callback(made, send_data);
    return made;
  }();
  return all;
}

bool Session::charge(int64_t cost) {
  const Clock::time_point now = socket_.loop().now();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now - credited_);
  credited_ += seconds;
  credit_ = std::min(credit_ + kCreditPerSecond * std::min<int64_t>(seconds.count(), 60) - cost, kMaxCredit);
  if (credit_ < 0) flooded_ = true;
  return !flooded_;
}

int Session::on_begin_frame(nghttp2_session* session, const nghttp2_frame_hd* head, void* self) {
  Session& it = *static_cast<Session*>(self);
  if (head->type == NGHTTP2_HEADERS) it.list_size_ = 0;
  if (it.side_ == Side::kClient) return 0;  // targets are trusted
  // RFC 9113 section 6.3 requires this error even from an endpoint that ignores priorities.
  if (head->type == NGHTTP2_PRIORITY && head->stream_id == 0)
    nghttp2_session_terminate_session(session, NGHTTP2_PROTOCOL_ERROR);
  if (head->type == NGHTTP2_HEADERS && it.is_over_for_peer(head->stream_id))
    nghttp2_session_terminate_session(session, NGHTTP2_STREAM_CLOSED);
  if (head->type == NGHTTP2_HEADERS) it.note_stream(head->stream_id);
  int64_t cost = 1;
  if (head->type == NGHTTP2_HEADERS) cost = -1;
  if (head->type == NGHTTP2_WINDOW_UPDATE && it.free_updates_ > 0) {
    --it.free_updates_;
    cost = 0;
  }
  if (head->type == NGHTTP2_DATA) cost = head->length > 0 || (head->flags & NGHTTP2_FLAG_END_STREAM) ? 0 : 1;
  return it.charge(cost) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

// True when the peer has ended this stream, which is closed, so that the peer may not use it any more (RFC
// 9113 sections 5.1 and 6.1). nghttp2 keeps no closed streams and does not detect this.
bool Session::is_over_for_peer(int32_t id) const {
  if (id % 2 == 0 || id > last_id_ || id <= forgotten_ || refusing_) return false;
  if (id > skipped_.first && id < skipped_.second) return false;  // note_stream() handles skipped streams
  if (nghttp2_session_find_stream(session_, id) != nullptr) return false;
  const auto end = reset_.begin() + static_cast<ptrdiff_t>(std::min(resets_, reset_.size()));
  return std::find(reset_.begin(), end, id) == end;
}

void Session::note_reset(int32_t id, uint32_t error) {
  // A frame that this side sends in answer to a frame on a closed stream does not close a stream.
  if (error == NGHTTP2_STREAM_CLOSED || nghttp2_session_get_stream_remote_close(session_, id) == 1) return;
  int32_t& place = reset_[resets_++ % reset_.size()];
  forgotten_ = std::max(forgotten_, place);
  place = id;
}

// Streams that the peer skipped may not be used any more (RFC 9113 section 5.1.1); nghttp2 does not check
// this.
void Session::note_stream(int32_t id) {
  if (id > last_id_) {
    if (id > last_id_ + 2) skipped_ = {last_id_, id};
    last_id_ = id;
  } else if (id > skipped_.first && id < skipped_.second) {
    nghttp2_session_terminate_session(session_, NGHTTP2_PROTOCOL_ERROR);
  }
}

// A stream that nghttp2 refuses at once never exists, so later frames on it in the same read are not errors.
int Session::on_invalid_frame(nghttp2_session*, const nghttp2_frame* frame, int, void* self) {
  Session& it = *static_cast<Session*>(self);
  if (it.side_ == Side::kServer && frame->hd.type == NGHTTP2_HEADERS)
    it.note_reset(frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
  return 0;
}

// True when these header frames begin a message's head, false for trailers.
bool Session::wants_head(const nghttp2_frame& frame, const Channel& channel) const {
  return frame.hd.type == NGHTTP2_HEADERS && !channel.final_head_;
}

int Session::on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
  Session& it = *static_cast<Session*>(self);
  Channel* channel = it.channel_of(frame->hd.stream_id);
  if (it.side_ == Side::kServer && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    // Streams that the peer has reset may still be processed here, so they count.
    if (it.channel_count_ >= 2 * size_t{it.settings_.streams}) {
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
      return 0;
    }
    it.opening_ = it.open();
    channel = it.opening_.get();
    channel->id_ = frame->hd.stream_id;
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, channel);
  }
  if (channel == nullptr || !it.wants_head(*frame, *channel) || channel->begin_head()) return 0;
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int Session::on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                       const uint8_t* value, size_t value_size, uint8_t, void* self) {
  Session& it = *static_cast<Session*>(self);
  const size_t field_size = name_size + value_size + 32;
  it.list_size_ += field_size;
  if (it.list_size_ > kMaxListExcess * it.settings_.head_size) {
    it.flooded_ = true;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }
  Channel* channel = it.channel_of(frame->hd.stream_id);
  if (channel == nullptr || frame->hd.type != NGHTTP2_HEADERS) return 0;
  if (!it.wants_head(*frame, *channel))
    return channel->add_trailer(view(name, name_size), view(value, value_size))
               ? 0
               : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  Head& head = *channel->last_head_;
  head.size += field_size;
  const bool is_crumb = view(name, name_size) == "cookie" && head.first_crumb != nullptr;
  const bool exceeds =
      head.size > it.settings_.head_size || (!is_crumb && head.field_count() >= it.settings_.field_count);
  if (exceeds && !std::exchange(head.too_large, true) && it.side_ == Side::kServer &&
      !it.charge(kCostOfFault))
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  if (!head.too_large) channel->add_field(view(name, name_size), view(value, value_size));
  return 0;
}

// RFC 9113 section 8.2.1: a message with an invalid field is malformed.
int Session::on_invalid_header(nghttp2_session*, const nghttp2_frame*, const uint8_t*, size_t, const uint8_t*,
                               size_t, uint8_t, void*) {
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

bool Channel::add_trailer(std::string_view name, std::string_view value) {
  const SessionSettings& limits = session_->settings_;
  trailers_too_large_ = ++trailer_count_ > limits.field_count ||
                        trailers_.size() + name.size() + value.size() > limits.head_size;
  if (trailers_too_large_) return false;
  trailers_.append(name).append(": ").append(value).append("\r\n");
  return true;
}

int Session::on_frame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
  Session& it = *static_cast<Session*>(self);
  const nghttp2_frame_hd& hd = frame->hd;
  if (hd.type == NGHTTP2_GOAWAY) it.going_away_ = true;
  if (hd.type == NGHTTP2_SETTINGS && (hd.flags & NGHTTP2_FLAG_ACK) == 0) it.settled_ = true;
  if (hd.type == NGHTTP2_SETTINGS || (hd.type == NGHTTP2_WINDOW_UPDATE && hd.stream_id == 0))
    it.wake_blocked();
  Channel* channel = hd.stream_id == 0 ? nullptr : it.channel_of(hd.stream_id);
  if (channel == nullptr) return 0;
  const bool ends = (hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (hd.type == NGHTTP2_WINDOW_UPDATE && channel->blocked_) it.signal(*channel, Channel::kWritable);
  if (hd.type == NGHTTP2_DATA && ends) {
    channel->ended_ = true;
    it.signal(*channel, Channel::kReadable);
  }
  if (hd.type != NGHTTP2_HEADERS) return 0;
  if (!channel->final_head_) {
    Head& head = *channel->last_head_;
    head.complete = true;
    head.ends_message = ends;
    channel->final_head_ = it.side_ == Side::kServer || head.status >= 200;
  }
  channel->ended_ |= ends;
  if (it.opening_.get() == channel) {
    it.requests_.push_back(std::move(it.opening_));
  } else {
    it.signal(*channel, Channel::kReadable);
  }
  return 0;
}

int Session::on_data(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* data, size_t size,
                     void* self) {
  Session& it = *static_cast<Session*>(self);
  Channel* channel = it.channel_of(id);
  if (channel == nullptr) {
    nghttp2_session_consume(session, id, size);
    return 0;
  }
  channel->append(view(data, size));
  it.signal(*channel, Channel::kReadable);
  return 0;
}

int Session::on_stream_close(nghttp2_session*, int32_t id, uint32_t error, void* self) {
  Session& it = *static_cast<Session*>(self);
  Channel* channel = it.channel_of(id);
  if (channel == nullptr) return 0;
  if (it.opening_.get() == channel) {
    channel->id_ = -1;
    it.opening_.reset();
    return 0;
  }
  channel->on_stream_closed(error);
  return 0;
}

int Session::on_frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* self) {
  Session& it = *static_cast<Session*>(self);
  const nghttp2_frame_hd& hd = frame->hd;
  if (hd.type == NGHTTP2_DATA) {
    it.charge(-2);
    it.free_updates_ = std::min(it.free_updates_ + kUpdatesOfData, kMaxFreeUpdates);
  }
  if (hd.type == NGHTTP2_RST_STREAM) it.note_reset(hd.stream_id, frame->rst_stream.error_code);
  if (hd.type == NGHTTP2_RST_STREAM && it.side_ == Side::kClient) {
    // A stream that its exchange has given up has no channel any more.
    if (Channel* channel = it.channel_of(hd.stream_id)) channel->malformed_ = true;
  }
  // Streams that the peer makes this side reset cost the peer less than this side, so they cost additional
  // credit.
  if (hd.type == NGHTTP2_RST_STREAM && it.side_ == Side::kServer &&
      (frame->rst_stream.error_code == NGHTTP2_PROTOCOL_ERROR ||
       frame->rst_stream.error_code == NGHTTP2_FLOW_CONTROL_ERROR ||
       frame->rst_stream.error_code == NGHTTP2_STREAM_CLOSED))
    it.charge(kCostOfFault);
  if (hd.type == NGHTTP2_RST_STREAM && it.side_ == Side::kServer &&
      frame->rst_stream.error_code == NGHTTP2_REFUSED_STREAM)
    it.charge(kCostOfRefusal);
  if ((hd.type != NGHTTP2_DATA && hd.type != NGHTTP2_HEADERS) || !(hd.flags & NGHTTP2_FLAG_END_STREAM))
    return 0;
  if (Channel* channel = it.channel_of(hd.stream_id)) channel->on_finished();
  return 0;
}

ssize_t Session::read_source(nghttp2_session*, int32_t id, uint8_t*, size_t max, uint32_t* flags,
                             nghttp2_data_source*, void* self) {
  Channel* channel = static_cast<Session*>(self)->channel_of(id);
  return channel == nullptr ? ssize_t{NGHTTP2_ERR_DEFERRED} : channel->supply(max, *flags);
}

int Session::send_data(nghttp2_session*, nghttp2_frame* frame, const uint8_t* head, size_t size,
                       nghttp2_data_source*, void* self) {
  constexpr size_t kFrameHead = 9;
  Session& it = *static_cast<Session*>(self);
  char* const room = it.room_for(kFrameHead + size);
  std::memcpy(room, head, kFrameHead);
  it.channel_of(frame->hd.stream_id)->take(room + kFrameHead, size);
  return 0;
}

}  // namespace portcullis::http::h2

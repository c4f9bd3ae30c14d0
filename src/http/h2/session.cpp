#include "http/h2/session.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "http/h2/pooled_memory.h"

namespace portcullis::http::h2 {
namespace {

// What frames cost that make us work and get the peer nothing; each request and each frame of data earns
// some, and so does time. Rapid resets have a limit of nghttp2's own beside this one.
constexpr int64_t kMostCredit = 2'000;
constexpr int64_t kCreditPerSecond = 200;
constexpr int64_t kCostOfFault = 20;
constexpr int64_t kCostOfRefusal = 2;

// Each frame of data that the peer gets may be answered by two window updates, the stream's and the
// connection's, at no cost. So many of them are remembered: they may all come at once, when the peer has not
// been read from for a while.
constexpr uint32_t kUpdatesOfData = 2;
constexpr uint32_t kMaxFreeUpdates = 1 << 16;

// A field list that is this many times larger than its limit ends the connection: HPACK (RFC 7541) makes such
// a list of few bytes, and a list must be read to its end, whatever becomes of the message.
constexpr size_t kMaxListExcess = 4;

// Of the output, what is left free rather than filled with small frames, which cost both sides as much as
// large ones.
constexpr size_t kUnusedShare = 8;

std::string_view view(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

nghttp2_option* make_options() {
  nghttp2_option* options = nullptr;
  if (nghttp2_option_new(&options) != 0) return nullptr;
  nghttp2_option_set_no_auto_window_update(options, 1);
  nghttp2_option_set_no_closed_streams(options, 1);
  nghttp2_option_set_max_outbound_ack(options, 200);
  nghttp2_option_set_stream_reset_rate_limit(options, 500, 100);
  return options;
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

Session::Session(Stream& socket, Side side, const SessionSettings& settings)
    : socket_(socket),
      side_(side),
      settings_(settings),
      settling_(socket.loop()),
      relief_(socket.loop()),
      credit_(kMostCredit),
      credited_(socket.loop().now()) {
  static const nghttp2_option* const options = make_options();
  nghttp2_mem memory = pooled_memory();
  const bool server = side == Side::kServer;
  const auto make = server ? nghttp2_session_server_new3 : nghttp2_session_client_new3;
  if (make(&session_, callbacks(), this, options, &memory) != 0) {
    ended_ = true;
    return;
  }
  std::array<nghttp2_settings_entry, 6> entries;
  size_t count = 0;
  entries[count++] = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings.stream_window};
  entries[count++] = {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(settings.head_size)};
  if (server) {
    entries[count++] = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings.streams};
    entries[count++] = {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1};
    entries[count++] = {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1};
  } else {
    entries[count++] = {NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
  }
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries.data(), count);
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                        static_cast<int32_t>(settings.connection_window));
  flush();
}

Session::~Session() {
  if (destroyed_ != nullptr) *destroyed_ = true;
  on_idle_ = nullptr;
  end();
  opening_.reset();
  requests_.clear();
  channels_.for_each([](Channel& channel) { channel.session_ = nullptr; });
  nghttp2_session_del(session_);
}

bool Session::receive(std::string_view data) {
  if (ended_) return false;
  receiving_ = true;
  ssize_t taken = 0;
  while (taken >= 0 && !data.empty()) {
    const std::string_view part = side_ == Side::kServer ? scanner_.next(data) : data;
    data.remove_prefix(part.size());
    if (side_ == Side::kServer && scanner_.has_head() && scanner_.type() == NGHTTP2_DATA &&
        is_over_for_peer(scanner_.stream()))
      nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, scanner_.stream(), NGHTTP2_STREAM_CLOSED);
    taken = nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(part.data()), part.size());
  }
  receiving_ = false;
  if (taken == NGHTTP2_ERR_FLOODED) flooded_ = true;
  if (taken < 0)
    nghttp2_session_terminate_session(session_,
                                      flooded_ ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR);
  // nghttp2 wants to read no more once it has said why.
  pull();
  return taken >= 0 && nghttp2_session_want_read(session_) != 0;
}

std::unique_ptr<Channel> Session::take_request() {
  if (next_request_ == requests_.size()) {
    requests_.clear();
    next_request_ = 0;
    return nullptr;
  }
  return std::move(requests_[next_request_++]);
}

bool Session::may_open() const {
  if (ended_ || going_away_ || nghttp2_session_check_request_allowed(session_) == 0) return false;
  return channel_count_ < std::min(settled_ ? peer_streams() : settings_.expected_streams, settings_.streams);
}

uint32_t Session::peer_streams() const {
  return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

bool Session::takes_extended_connect() const {
  return !ended_ &&
         nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

std::unique_ptr<Channel> Session::open() {
  auto channel = std::make_unique<Channel>(*this);
  channels_.push_back(*channel);
  ++channel_count_;
  return channel;
}

void Session::forget(Channel& channel) {
  if (channel.size_ > 0 && !ended_) {
    nghttp2_session_consume_connection(session_, channel.size_);
    flush();
  }
  --channel_count_;
  if (channel_count_ == 0 && on_idle_) on_idle_();
}

void Session::announce_end() {
  if (!ended_) nghttp2_submit_shutdown_notice(session_);
  flush();
}

void Session::refuse_streams() {
  refusing_ = true;
  if (!ended_)
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                          NGHTTP2_NO_ERROR, nullptr, 0);
  flush();
}

void Session::end() {
  if (ended_) return;
  ended_ = true;
  settling_.wake_all();
  relief_.wake_all();
  channels_.for_each([](Channel& channel) {
    if (!channel.broken_) channel.on_stream_closed(NGHTTP2_INTERNAL_ERROR);
  });
}

Channel* Session::channel_of(int32_t id) const {
  return static_cast<Channel*>(nghttp2_session_get_stream_user_data(session_, id));
}

// Only marks: whoever waits may do anything, and this may be called from within nghttp2.
void Session::signal(Channel& channel, uint8_t signals) {
  channel.signals_ |= signals;
  signalled_.push_back(channel);
  socket_.loop().defer(*this);
}

void Session::flush() {
  if (!receiving_) socket_.loop().defer(*this);
}

void Session::run_deferred() {
  // The end of the last exchange may be the end of its connection.
  bool destroyed = false;
  destroyed_ = &destroyed;
  delivering_ = true;
  while (!signalled_.empty()) {
    deliver();
    if (destroyed) return;
  }
  destroyed_ = nullptr;
  delivering_ = false;
  send_now();
}

void Session::send_now() {
  pull();
  if (!sending_ && output_size_ > 0) sending_tasks_.spawn(send_out());
}

// One signal to one channel; it may end its stream, and others.
void Session::deliver() {
  Channel& channel = signalled_.front();
  const uint8_t all = channel.signals_;
  const auto first = static_cast<uint8_t>(all & -all);
  channel.signals_ = static_cast<uint8_t>(all & ~first);
  if (channel.signals_ == 0) static_cast<ListNode<Channel>&>(channel).unlink();
  if (channel.stream_ == nullptr) return;
  switch (first) {
    case Channel::kReadable: return channel.stream_->signal_readable();
    case Channel::kWritable: return channel.stream_->signal_writable();
    case Channel::kHangUp: return channel.stream_->signal_hang_up();
    default: return;
  }
}

// Collects what nghttp2 has to send. Channel::supply() sees to it that bodies keep to the room there is.
void Session::pull() {
  if (receiving_ || ended_) return;
  const uint8_t* data = nullptr;
  for (ssize_t size; (size = nghttp2_session_mem_send(session_, &data)) > 0;)
    std::memcpy(room_for(static_cast<size_t>(size)), data, static_cast<size_t>(size));
  if (output_size_ > 0) socket_.loop().defer(*this);
}

size_t Session::room() const {
  const size_t waiting = sending_size_ + output_size_;
  return waiting + settings_.output / kUnusedShare > settings_.output ? 0 : settings_.output - waiting;
}

// Where the next `size` bytes of the output go.
char* Session::room_for(size_t size) {
  if (!output_) output_ = Block::take(std::max(size, Block::kMedium));
  if (output_size_ + size > output_.capacity()) {
    Block larger = Block::take(output_size_ + size);
    std::memcpy(larger.data(), output_.data(), output_size_);
    output_ = std::move(larger);
  }
  char* const room = output_.data() + output_size_;
  output_size_ += size;
  return room;
}

Task<void> Session::send_out() {
  sending_ = true;
  while (output_size_ > 0) {
    const Block block = std::move(output_);
    sending_size_ = std::exchange(output_size_, 0);
    iovec piece{block.data(), sending_size_};
    const IoResult sent = co_await socket_.write(std::span(&piece, 1), settings_.send_timeout);
    sending_size_ = 0;
    if (!sent.ok()) {
      output_size_ = 0;
      output_.release();
      end();
      socket_.cancel();  // whoever reads from it
      break;
    }
    wake_blocked();
    relief_.wake_all();
    pull();
  }
  sending_ = false;
}

void Session::wake_blocked() {
  channels_.for_each([this](Channel& channel) {
    if (channel.blocked_) signal(channel, Channel::kWritable);
  });
}

bool Session::charge(int64_t cost) {
  const Clock::time_point now = socket_.loop().now();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now - credited_);
  credited_ += seconds;
  credit_ = std::min(credit_ + kCreditPerSecond * std::min<int64_t>(seconds.count(), 60) - cost, kMostCredit);
  if (credit_ < 0) flooded_ = true;
  return !flooded_;
}

int Session::on_begin_frame(nghttp2_session* session, const nghttp2_frame_hd* head, void* self) {
  Session& it = *static_cast<Session*>(self);
  if (head->type == NGHTTP2_HEADERS) it.list_size_ = 0;
  if (it.side_ == Side::kClient) return 0;  // targets are trusted so far
  // RFC 9113 section 6.3: also where priorities are not looked at.
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

// The peer has ended this stream, which is closed, and may not use it any more (RFC 9113 sections 5.1
// and 6.1); nghttp2 keeps no closed streams, and lets that pass.
bool Session::is_over_for_peer(int32_t id) const {
  if (id % 2 == 0 || id > last_id_ || id <= forgotten_ || refusing_) return false;
  if (id > skipped_.first && id < skipped_.second) return false;  // note_stream() judges those
  if (nghttp2_session_find_stream(session_, id) != nullptr) return false;
  const auto end = reset_.begin() + static_cast<ptrdiff_t>(std::min(resets_, reset_.size()));
  return std::find(reset_.begin(), end, id) == end;
}

void Session::note_reset(int32_t id, uint32_t error) {
  // What answers a frame on a closed stream closes nothing.
  if (error == NGHTTP2_STREAM_CLOSED || nghttp2_session_get_stream_remote_close(session_, id) == 1) return;
  int32_t& place = reset_[resets_++ % reset_.size()];
  forgotten_ = std::max(forgotten_, place);
  place = id;
}

// Streams that were passed over may not be used any more (RFC 9113 section 5.1.1), which nghttp2 lets pass.
void Session::note_stream(int32_t id) {
  if (id > last_id_) {
    if (id > last_id_ + 2) skipped_ = {last_id_, id};
    last_id_ = id;
  } else if (id > skipped_.first && id < skipped_.second) {
    nghttp2_session_terminate_session(session_, NGHTTP2_PROTOCOL_ERROR);
  }
}

// A stream that nghttp2 refuses at once never exists: what follows its head in the same read is no fault
// either.
int Session::on_invalid_frame(nghttp2_session*, const nghttp2_frame* frame, int, void* self) {
  Session& it = *static_cast<Session*>(self);
  if (it.side_ == Side::kServer && frame->hd.type == NGHTTP2_HEADERS)
    it.note_reset(frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
  return 0;
}

// A message's head begins, rather than its trailers.
bool Session::wants_head(const nghttp2_frame& frame, const Channel& channel) const {
  return frame.hd.type == NGHTTP2_HEADERS && !channel.final_head_;
}

int Session::on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
  Session& it = *static_cast<Session*>(self);
  Channel* channel = it.channel_of(frame->hd.stream_id);
  if (it.side_ == Side::kServer && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    // Streams that the peer has given up may still be at work here.
    if (it.channel_count_ >= 2 * size_t{it.settings_.streams}) {
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
      return 0;
    }
    it.opening_ = it.open();
    channel = it.opening_.get();
    channel->id_ = frame->hd.stream_id;
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, channel);
  }
  if (channel != nullptr && it.wants_head(*frame, *channel)) channel->begin_head();
  return 0;
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

// RFC 9113 section 8.2.1: such a message is malformed.
int Session::on_invalid_header(nghttp2_session*, const nghttp2_frame*, const uint8_t*, size_t, const uint8_t*,
                               size_t, uint8_t, void*) {
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

bool Channel::add_trailer(std::string_view name, std::string_view value) {
  trailers_too_large_ = trailers_.size() + name.size() + value.size() > session_->settings_.head_size;
  if (trailers_too_large_) return false;
  trailers_.append(name).append(": ").append(value).append("\r\n");
  return true;
}

int Session::on_frame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
  Session& it = *static_cast<Session*>(self);
  const nghttp2_frame_hd& hd = frame->hd;
  if (hd.type == NGHTTP2_GOAWAY) it.going_away_ = true;
  if (hd.type == NGHTTP2_SETTINGS && (hd.flags & NGHTTP2_FLAG_ACK) == 0) {
    it.settled_ = true;
    it.settling_.wake_all();
  }
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
    // One that its exchange gives up is not known here any more.
    if (Channel* channel = it.channel_of(hd.stream_id)) channel->malformed_ = true;
  }
  // Streams that the peer makes us reset cost more than they cost it.
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

ssize_t Session::read_source(nghttp2_session*, int32_t id, uint8_t*, size_t most, uint32_t* flags,
                             nghttp2_data_source*, void* self) {
  Channel* channel = static_cast<Session*>(self)->channel_of(id);
  return channel == nullptr ? ssize_t{NGHTTP2_ERR_DEFERRED} : channel->supply(most, *flags);
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

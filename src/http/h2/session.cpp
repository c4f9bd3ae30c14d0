#include "http/h2/session.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "http/h2/pooled_memory.h"

namespace portcullis::http::h2 {
namespace {

// This share of the output stays unused instead of being filled with small frames, whose overhead equals that
// of large ones.
constexpr size_t kUnusedShare = 8;

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

Session::Session(Stream& socket, Side side, const SessionSettings& settings)
    : socket_(socket),
      side_(side),
      settings_(settings),
      relief_(socket.loop()),
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
  // nghttp2 stops reading after it has queued a GOAWAY with the reason, which pull() sends.
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
  relief_.wake_all();
  channels_.for_each([](Channel& channel) {
    if (!channel.broken_) channel.on_stream_closed(NGHTTP2_INTERNAL_ERROR);
  });
}

Channel* Session::channel_of(int32_t id) const {
  return static_cast<Channel*>(nghttp2_session_get_stream_user_data(session_, id));
}

// Only marks the channel: a signalled coroutine may do anything, and this function may be called from within
// nghttp2.
void Session::signal(Channel& channel, uint8_t signals) {
  channel.signals_ |= signals;
  signalled_.push_back(channel);
  socket_.loop().defer(*this);
}

void Session::flush() {
  if (!receiving_) socket_.loop().defer(*this);
}

void Session::run_deferred() {
  // The end of the last exchange may destroy this session.
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

// Delivers each marked signal to its channel. A signal may end that channel's stream and other streams.
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

// Collects the frames that nghttp2 has to send. Channel::supply() keeps bodies within the remaining space.
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

// The place in the output for the next `size` bytes.
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
      socket_.cancel();  // ends the read that waits on the socket
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

}  // namespace portcullis::http::h2

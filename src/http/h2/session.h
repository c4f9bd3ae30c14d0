#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "http/h2/channel.h"
#include "http/h2/frame_scanner.h"
#include "runtime/event_loop.h"
#include "runtime/stream.h"
#include "runtime/task.h"
#include "runtime/wait_list.h"

namespace portcullis::http::h2 {

struct SessionSettings {
  uint32_t streams = 100;              // open at once: of the peer's on the server's side, else our own
  uint32_t expected_streams = 100;     // that the server is taken to allow until it has said so; client
  uint32_t stream_window = 256 << 10;  // of a body, that the peer may send ahead
  uint32_t connection_window = 1 << 20;
  size_t head_size = 32 << 10;
  size_t field_count = 100;
  size_t output = 256 << 10;  // that waits for the peer, beyond which nothing more is written or read
  Milliseconds send_timeout{60'000};
};

// One HTTP/2 connection (RFC 9113) by nghttp2, on a socket's stream, as server or client. Its owner
// reads from the socket and passes on what comes; what is to be sent is collected and leaves once the events
// in hand have been handled.
//
// What waits to be sent is bounded by `output` of the settings: bodies are taken only as far as there is
// room, a head is sent only after there was some, and a server reads nothing more from a peer while there is
// none. The frames that answer the peer's own are bounded by what one read of the socket can hold.
//
// On the loop's thread. `socket` outlives it, and it its channels, unless nobody
// is to be told of its end.
class Session final : private Deferred, public Pooled {
 public:
  enum class Side : uint8_t { kServer, kClient };

  Session(Stream& socket, Side side, const SessionSettings& settings);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  // Takes what the socket has read. False when the connection is over; its peer has been told why.
  bool receive(std::string_view data);
  // The next request whose head has come, or null. Server.
  std::unique_ptr<Channel> take_request();
  // A new stream, which begins with its head. Client, and only while may_open().
  std::unique_ptr<Channel> open();
  bool may_open() const;
  // How many streams the peer allows at once, once it has said so: settled(). Client.
  uint32_t peer_streams() const;

  // The peer has said what it is like; co_await wait_settled(...) until then: false when the time is over.
  bool settled() const { return settled_; }
  auto wait_settled(Milliseconds timeout) { return settling_.wait(timeout); }
  // The peer knows how to make tunnels of streams (RFC 8441 section 3). Client.
  bool takes_extended_connect() const;

  // Streams that somebody still holds.
  size_t open_channels() const { return channel_count_; }
  // Called when the last of them has gone.
  void on_idle(std::function<void()> call) { on_idle_ = std::move(call); }
  // A head has begun and is not whole.
  bool within_head() const { return opening_ != nullptr; }
  // The peer has sent more than it may of what only costs us time.
  bool flooded() const { return flooded_; }

  // So much waits to be sent that the peer is given nothing more to do: see above.
  bool congested() const { return !ended_ && room() == 0; }
  // co_await, while congested(): until there is room, or the connection has ended.
  auto relieved() { return relief_.wait(kForever); }

  // Tells the peer that it will be the last time: it should begin no more streams. Those that come are
  // served.
  void announce_end();
  // The same for good: streams that come from now on are not looked at.
  void refuse_streams();
  // There is no connection any more: every stream is broken.
  void end();
  bool ended() const { return ended_; }
  // Somebody is being told of what has come, and must not destroy this.
  bool delivering() const { return delivering_; }
  // Sends without waiting for the other events in hand; co_await sent() then waits until all has left.
  void send_now();
  auto sent() { return sending_tasks_.join(); }

 private:
  friend class Channel;

  static const nghttp2_session_callbacks* callbacks();
  static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* self);
  static int on_invalid_frame(nghttp2_session*, const nghttp2_frame* frame, int error, void* self);
  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                       const uint8_t* value, size_t value_size, uint8_t, void* self);
  static int on_invalid_header(nghttp2_session*, const nghttp2_frame*, const uint8_t*, size_t, const uint8_t*,
                               size_t, uint8_t, void*);
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static int on_data(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size, void* self);
  static int on_stream_close(nghttp2_session*, int32_t id, uint32_t error, void* self);
  static int on_frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static ssize_t read_source(nghttp2_session*, int32_t id, uint8_t*, size_t most, uint32_t* flags,
                             nghttp2_data_source*, void* self);
  static int send_data(nghttp2_session*, nghttp2_frame* frame, const uint8_t* head, size_t size,
                       nghttp2_data_source*, void* self);

  void flush();
  Channel* channel_of(int32_t id) const;
  bool wants_head(const nghttp2_frame& frame, const Channel& channel) const;
  void run_deferred() override;
  void signal(Channel& channel, uint8_t signals);
  void deliver();
  void pull();
  size_t room() const;
  char* room_for(size_t size);
  Task<void> send_out();
  bool charge(int64_t cost);
  void note_stream(int32_t id);
  void note_reset(int32_t id, uint32_t error);
  bool is_over_for_peer(int32_t id) const;
  void forget(Channel& channel);
  void wake_blocked();

  Stream& socket_;
  const Side side_;
  const SessionSettings settings_;
  nghttp2_session* session_ = nullptr;
  IntrusiveList<Channel, Session> channels_;
  IntrusiveList<Channel, Channel> signalled_;
  size_t channel_count_ = 0;
  std::unique_ptr<Channel> opening_;  // whose head is being received
  std::vector<std::unique_ptr<Channel>> requests_;
  size_t next_request_ = 0;
  std::function<void()> on_idle_;
  Block output_;
  size_t output_size_ = 0;
  size_t sending_size_ = 0;  // of what the socket is taking
  size_t list_size_ = 0;     // of the field list that is being received
  bool sending_ = false;
  bool receiving_ = false;
  bool ended_ = false;
  bool going_away_ = false;  // the peer has said so
  bool flooded_ = false;
  bool delivering_ = false;
  bool* destroyed_ = nullptr;  // set by the destructor, while run_deferred() tells channels
  bool settled_ = false;
  WaitList settling_;
  WaitList relief_;
  int32_t last_id_ = -1;                       // that the peer has begun
  std::pair<int32_t, int32_t> skipped_{0, 0};  // the last ones between these have been passed over
  FrameScanner scanner_;                       // server
  // The streams that were reset here last, before the peer had ended them: what it has sent meanwhile is not
  // its fault.
  std::array<int32_t, 64> reset_{};
  size_t resets_ = 0;
  int32_t forgotten_ = 0;                       // the latest of those that are not in the list any more
  bool refusing_ = false;                       // streams that the peer begins are not looked at
  static constexpr int64_t kMaxCredit = 2'000;  // what charge() lets add up
  int64_t credit_ = kMaxCredit;
  uint32_t free_updates_ = 0;  // window updates that cost no credit
  Clock::time_point credited_;
  TaskGroup sending_tasks_;
};

}  // namespace portcullis::http::h2

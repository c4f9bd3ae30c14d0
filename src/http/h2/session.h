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
  // Max concurrent streams: opened by the peer on the server side, by this side as a client.
  uint32_t streams = 100;
  uint32_t expected_streams = 100;     // client: assumed limit of the server until its SETTINGS arrive
  uint32_t stream_window = 256 << 10;  // bytes of a body that the peer may send before they are read
  uint32_t connection_window = 1 << 20;
  size_t head_size = 32 << 10;
  size_t field_count = 100;
  // Max bytes waiting to be sent; beyond this limit nothing more is written or read.
  size_t output = 256 << 10;
  Milliseconds send_timeout{60'000};
};

// One HTTP/2 connection (RFC 9113), implemented with nghttp2, on a socket's stream, as server or client. The
// session's owner reads from the socket and passes the data to receive(). Output is collected and sent after
// the current batch of events.
//
// The setting `output` bounds the data that waits to be sent: body bytes are accepted only while there is
// space, a head is sent only after there was space, and a server stops reading from the peer while there is
// none. The frames that answer the peer's frames are bounded by the size of one read.
//
// On the loop's thread. `socket` must outlive the session. Destroy the channels before the session, unless
// their streams need not be told of its end: the destructor marks channels as broken without signalling them.
class Session final : private Deferred, public Pooled {
 public:
  enum class Side : uint8_t { kServer, kClient };

  Session(Stream& socket, Side side, const SessionSettings& settings);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  // Processes bytes read from the socket. False when the connection is over; a GOAWAY with the reason has
  // then been sent.
  bool receive(std::string_view data);
  // Server: the next request whose whole head has arrived, or null.
  std::unique_ptr<Channel> take_request();
  // Client: opens a new stream, on which a head must be sent first. Call only while may_open().
  std::unique_ptr<Channel> open();
  bool may_open() const;
  // Client: the peer's limit of concurrent streams, known once settled().
  uint32_t peer_streams() const;

  // True when the peer's SETTINGS have arrived.
  bool settled() const { return settled_; }
  // Client: the peer supports extended CONNECT (RFC 8441 section 3).
  bool takes_extended_connect() const;

  // The number of streams whose channel still exists.
  size_t open_channels() const { return channel_count_; }
  // `call` runs when the last channel has been destroyed.
  void on_idle(std::function<void()> call) { on_idle_ = std::move(call); }
  // True while a head has begun to arrive and is incomplete.
  bool within_head() const { return opening_ != nullptr; }
  // True when the peer has sent too many frames that cause work without any use.
  bool flooded() const { return flooded_; }

  // True when so much data waits to be sent that no more is read from the peer (see the class comment).
  bool congested() const { return !ended_ && room() == 0; }
  // co_await while congested(): waits until there is space, or the connection has ended.
  auto relieved() { return relief_.wait(kForever); }

  // Sends a first GOAWAY: the peer should open no more streams. Streams that it still opens are served.
  void announce_end();
  // Sends a final GOAWAY: streams that the peer opens from now on are ignored.
  void refuse_streams();
  // The connection has ended: breaks every stream.
  void end();
  bool ended() const { return ended_; }
  // True while channels are being signalled; the session must not be destroyed then.
  bool delivering() const { return delivering_; }
  // Sends without waiting for the rest of the batch of events. co_await sent() waits until everything has
  // been sent.
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
  static ssize_t read_source(nghttp2_session*, int32_t id, uint8_t*, size_t max, uint32_t* flags,
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
  std::unique_ptr<Channel> opening_;  // the channel whose head is being received
  std::vector<std::unique_ptr<Channel>> requests_;
  size_t next_request_ = 0;
  std::function<void()> on_idle_;
  Block output_;
  size_t output_size_ = 0;
  size_t sending_size_ = 0;  // bytes that the socket is sending
  size_t list_size_ = 0;     // size of the field list that is being received
  bool sending_ = false;
  bool receiving_ = false;
  bool ended_ = false;
  bool going_away_ = false;  // the peer has sent GOAWAY
  bool flooded_ = false;
  bool delivering_ = false;
  bool* destroyed_ = nullptr;  // the destructor sets it while run_deferred() signals channels
  bool settled_ = false;
  WaitList relief_;
  int32_t last_id_ = -1;                       // highest stream that the peer has opened
  std::pair<int32_t, int32_t> skipped_{0, 0};  // streams between these two were skipped by the peer
  FrameScanner scanner_;                       // server only
  // The most recent streams that this side reset before the peer had ended them. Frames that the peer had
  // already sent on them are not errors.
  std::array<int32_t, 64> reset_{};
  size_t resets_ = 0;
  int32_t forgotten_ = 0;                       // latest stream that has dropped out of `reset_`
  bool refusing_ = false;                       // new streams of the peer are ignored
  static constexpr int64_t kMaxCredit = 2'000;  // upper bound of credit_; see charge()
  int64_t credit_ = kMaxCredit;
  uint32_t free_updates_ = 0;  // window updates that may arrive at no cost
  Clock::time_point credited_;
  TaskGroup sending_tasks_;
};

}  // namespace portcullis::http::h2

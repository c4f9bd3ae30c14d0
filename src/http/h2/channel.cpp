#include "http/h2/channel.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "http/h2/session.h"

namespace portcullis::http::h2 {
namespace {

size_t size_of(std::span<const iovec> pieces) {
  size_t size = 0;
  for (const iovec& piece : pieces) size += piece.iov_len;
  return size;
}

}  // namespace

Channel::~Channel() {
  close(false);
  if (session_ != nullptr) session_->forget(*this);
}

std::unique_ptr<Head> Channel::take_head() {
  std::unique_ptr<Head> head = std::move(head_);
  head_ = std::move(head->next);
  return head;
}

bool Channel::begin_head() {
  size_t waiting = 0;
  std::unique_ptr<Head>* place = &head_;
  for (; *place; place = &(*place)->next) ++waiting;
  if (waiting >= kMaxWaitingHeads) return false;
  *place = std::make_unique<Head>();
  last_head_ = place->get();
  return true;
}

void Channel::add_field(std::string_view name, std::string_view value) {
  Head& head = *last_head_;
  if (name == ":status") {
    for (const char c : value) head.status = static_cast<uint16_t>(head.status * 10 + (c - '0'));
    return;
  }
  const std::string_view kept = arena_.copy(value);
  if (name == "cookie" && session_->side_ == Session::Side::kServer) {
    add_crumb(kept);
  } else if (!name.starts_with(':')) {
    if (!head.fields.add(arena_.copy(name), kept)) head.too_large = true;
  } else if (name == ":method") {
    head.method = kept;
  } else if (name == ":path") {
    head.path = kept;
  } else if (name == ":authority") {
    head.authority = kept;
  } else if (name == ":scheme") {
    head.scheme = kept;
  } else if (name == ":protocol") {
    head.protocol = kept;
  }
}

void Channel::add_crumb(std::string_view text) {
  Head& head = *last_head_;
  Crumb* const crumb = arena_.make<Crumb>(text, nullptr);
  (head.first_crumb == nullptr ? head.first_crumb : head.last_crumb->next) = crumb;
  head.last_crumb = crumb;
}

bool Channel::submit(const FieldBlock& fields, bool ends_message) {
  if (session_ == nullptr || broken_) return false;
  nghttp2_data_provider body{};
  body.read_callback = Session::read_source;
  const nghttp2_data_provider* provider = ends_message ? nullptr : &body;
  const std::span<const nghttp2_nv> all = fields.fields();
  if (session_->side_ == Session::Side::kServer)
    return id_ >= 0 &&
           nghttp2_submit_response(session_->session_, id_, all.data(), all.size(), provider) == 0;
  id_ = nghttp2_submit_request(session_->session_, nullptr, all.data(), all.size(), provider, this);
  return id_ >= 0;
}

bool Channel::send_head(const FieldBlock& fields, bool ends_message) {
  head_sent_ = submit(fields, ends_message);
  // Sends the head now, so that it is sent even if the stream is closed next.
  if (head_sent_) session_->pull();
  return head_sent_;
}

size_t Channel::room() const {
  if (session_ == nullptr || broken_ || finished_ || (head_sent_ && id_ < 0)) return SIZE_MAX;
  const size_t output = session_->room();
  if (id_ < 0) return output;
  const int32_t window = std::min(nghttp2_session_get_stream_remote_window_size(session_->session_, id_),
                                  nghttp2_session_get_remote_window_size(session_->session_));
  return std::min(output, static_cast<size_t>(std::max(window, 0)));
}

bool Channel::may_write() {
  const bool before_head = session_ != nullptr && !broken_ && !head_sent_;
  blocked_ = (before_head ? session_->room() : room()) == 0;
  if (before_head && awaits_settings_ && !session_->settled()) blocked_ = true;
  return !blocked_;
}

Task<bool> Channel::takes_extended_connect(Milliseconds patience) {
  awaits_settings_ = true;
  (void)co_await stream_->writable(patience);
  awaits_settings_ = false;
  co_return session_ != nullptr && session_->takes_extended_connect();
}

bool Channel::send_interim_head(const FieldBlock& fields) {
  if (session_ == nullptr || id_ < 0) return false;
  const std::span<const nghttp2_nv> all = fields.fields();
  const int sent = nghttp2_submit_headers(session_->session_, NGHTTP2_FLAG_NONE, id_, nullptr, all.data(),
                                          all.size(), nullptr);
  session_->pull();
  return sent == 0;
}

void Channel::end_after_write(std::string_view trailers) {
  own_trailers_ = trailers;
  ending_ = true;
}

IoResult Channel::write(std::span<iovec>& pieces) {
  if (session_ == nullptr || id_ < 0 || broken_) return {0, ECONNRESET};
  if (finished_) return {0, EPIPE};
  drop_front(pieces, 0);
  const size_t before = size_of(pieces);
  writing_ = &pieces;
  nghttp2_session_resume_data(session_->session_, id_);
  session_->pull();
  writing_ = nullptr;
  const size_t taken = before - size_of(pieces);
  blocked_ = !pieces.empty() || (ending_ && !finished_);
  return {taken, blocked_ ? EAGAIN : 0};
}

void Channel::finish() {
  if (session_ == nullptr || id_ < 0 || finished_) return;
  ending_ = closing_ = true;
  nghttp2_session_resume_data(session_->session_, id_);
  session_->pull();
}

// nghttp2 calls supply() from write(), or when all data has been written and only the end of the stream
// remains.
ssize_t Channel::supply(size_t max, uint32_t& flags) {
  if (writing_ == nullptr && !closing_) return NGHTTP2_ERR_DEFERRED;
  const size_t left = writing_ == nullptr ? 0 : size_of(*writing_);
  if (left == 0 && !ending_) return NGHTTP2_ERR_DEFERRED;
  const size_t room = session_->room();
  if (room == 0 && (left > 0 || !own_trailers_.empty())) return NGHTTP2_ERR_DEFERRED;
  const size_t size = left == 0 ? 0 : std::min({left, max, room});
  if (size > 0) flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (size == left && ending_) {
    flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!own_trailers_.empty()) {
      FieldBlock trailers;
      trailers.lines(own_trailers_);
      const std::span<const nghttp2_nv> all = trailers.fields();
      flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      if (!trailers.is_whole() ||
          nghttp2_submit_trailer(session_->session_, id_, all.data(), all.size()) != 0)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
      own_trailers_.clear();
    }
  }
  return static_cast<ssize_t>(size);
}

// Copies the bytes that supply() announced into the connection's output. The output is sent later together
// with the frames of other streams, when this write's buffers may no longer exist.
void Channel::take(char* out, size_t size) {
  while (size > 0) {
    const iovec& piece = writing_->front();
    const size_t part = std::min(size, piece.iov_len);
    std::memcpy(out, piece.iov_base, part);
    drop_front(*writing_, part);
    out += part;
    size -= part;
  }
}

void Channel::on_finished() {
  finished_ = true;
  if (blocked_ && writing_ == nullptr) session_->signal(*this, kWritable);
}

void Channel::append(std::string_view data) {
  if (!block_) block_ = Block::take(std::max(data.size(), Block::kMedium));
  if (begin_ + size_ + data.size() > block_.capacity()) {
    if (size_ + data.size() <= block_.capacity()) {
      std::memmove(block_.data(), block_.data() + begin_, size_);
    } else {
      // Blocks have only a few sizes, each a multiple of the previous one, so copies are rare; the peer's
      // window limits the largest block.
      Block larger = Block::take(size_ + data.size());
      std::memcpy(larger.data(), block_.data() + begin_, size_);
      block_ = std::move(larger);
    }
    begin_ = 0;
  }
  std::memcpy(block_.data() + begin_ + size_, data.data(), data.size());
  size_ += data.size();
}

IoResult Channel::read(char* data, size_t size) {
  if (size_ == 0) {
    if (ended_) return {0, 0};
    return {0, broken_ ? ECONNRESET : EAGAIN};
  }
  const size_t part = std::min(size, size_);
  std::memcpy(data, block_.data() + begin_, part);
  begin_ += part;
  size_ -= part;
  if (size_ == 0) {
    block_.release();
    begin_ = 0;
  }
  if (session_ != nullptr) {
    if (id_ >= 0) {
      nghttp2_session_consume(session_->session_, id_, part);
    } else {
      nghttp2_session_consume_connection(session_->session_, part);
    }
    session_->flush();
  }
  return {part, 0};
}

void Channel::on_stream_closed(uint32_t error) {
  id_ = -1;
  error_ = error;
  broken_ = !ended_ || !finished_;
  if (broken_) session_->signal(*this, kReadable | kWritable | kHangUp);
}

// A side that does not wait for the rest of the peer's message resets the stream, so that the peer need not
// send the rest (RFC 9113 section 8.1).
void Channel::close(bool broken) {
  stream_ = nullptr;
  if (session_ == nullptr || id_ < 0) return;
  uint32_t error = NGHTTP2_NO_ERROR;
  if (!finished_) error = session_->side_ == Session::Side::kServer ? NGHTTP2_INTERNAL_ERROR : NGHTTP2_CANCEL;
  if (broken) error = NGHTTP2_INTERNAL_ERROR;
  if (session_->side_ == Session::Side::kClient && !ended_) error = NGHTTP2_CANCEL;
  nghttp2_session_set_stream_user_data(session_->session_, id_, nullptr);
  nghttp2_submit_rst_stream(session_->session_, NGHTTP2_FLAG_NONE, id_, error);
  id_ = -1;
  session_->flush();
}

}  // namespace portcullis::http::h2

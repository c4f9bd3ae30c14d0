#include "http/h1/client_stream.h"

#include <cerrno>
#include <utility>

#include "http/hop_by_hop.h"
#include "http/method.h"

namespace portcullis::http::h1 {
namespace {

// A body whose length is not known goes in chunks.
BodyKind kind_of(const BodyFraming& body) {
  if (body.has_length()) return BodyKind::kLength;
  return body.kind == BodyKind::kStream ? BodyKind::kChunked : body.kind;
}

// `whole_size`: of the body, where all of it follows.
void write_head(HeadWriter& out, const RequestToSend& request, std::optional<size_t> whole_size) {
  const RequestHead& head = request.head;
  out.write(head.method, " ", request.path, std::string_view("?", head.has_query ? 1 : 0), head.query,
            " HTTP/1.1\r\n");
  out.field("host", request.authority);
  request.fields(out);
  const bool has_length = head.body.has_length() || head.fields.find(FieldId::kContentLength) != nullptr;
  if (whole_size && *whole_size > 0) {
    if (!has_length) out.number_field("content-length", *whole_size);
  } else if (!whole_size && kind_of(head.body) == BodyKind::kChunked) {
    out.field("transfer-encoding", "chunked");
  } else if (!has_length && (head.body.kind != BodyKind::kNone || expects_content(head.method))) {
    // Servers of HTTP/1 may refuse these methods with 411 when no length is told (RFC 9110 section 8.6).
    out.field("content-length", "0");
  }
  const bool te = request.takes_trailers;
  if (head.wants_upgrade) write_upgrade(out, head.fields);
  if (te) out.field("te", "trailers");
  if (request.is_last) {
    out.field("connection", "close");
  } else if (te || head.wants_upgrade) {
    out.field("connection", te ? "te" : "", te && head.wants_upgrade ? ", " : "",
              head.wants_upgrade ? "upgrade" : "");
  }
  out.write("\r\n");
}

}  // namespace

Task<IoResult> ClientMessageStream::begin(const RequestToSend& request, Milliseconds) {
  HeadWriter head(request.expected_size);
  write_head(head, request, std::nullopt);
  framing_.begin(std::move(head), kind_of(request.head.body));
  co_return IoResult{};
}

Task<IoResult> ClientMessageStream::send_whole(const RequestToSend& request, std::string_view body,
                                               Milliseconds timeout) {
  HeadWriter head(request.expected_size + copied_size(body));
  write_head(head, request, body.size());
  iovec pieces[2];
  co_return co_await bytes().write(gather_whole(head, body, pieces), timeout);
}

HeadState ClientMessageStream::next_head(std::string_view method, ResponseHead& out) {
  if (!parser_) {
    parser_.emplace(limits_);
    out = {};
  }
  const ParseState state = parser_->parse(input_.content(), method, out);
  if (state == ParseState::kNeedMore) return ended_ ? HeadState::kEnded : HeadState::kIncomplete;
  if (state == ParseState::kFailed) {
    head_error_ = parser_->error();
    return HeadState::kMalformed;
  }
  head_size_ = parser_->head_size();
  input_.begin += head_size_;
  parser_.reset();
  remove_connection_options(out.fields);
  return HeadState::kComplete;
}

void ClientMessageStream::receive(size_t block_size) {
  if (!input_.block) input_.block = Block::take(block_size);
  const std::span<char> room = input_.room();  // the parser follows when the content moves
  const IoResult got = bytes().try_read(room.data(), room.size());
  if (got.error == EAGAIN) return;
  ended_ = !got.ok() || got.bytes == 0;
  end_error_ = got.error;
  input_.end += got.bytes;
}

}  // namespace portcullis::http::h1

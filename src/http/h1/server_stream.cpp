#include "http/h1/server_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "http/h1/chunked_decoder.h"

namespace portcullis::http::h1 {
namespace {

// The three digits of a status.
class StatusCode {
 public:
  explicit StatusCode(uint16_t status)
      : digits_{static_cast<char>('0' + status / 100), static_cast<char>('0' + status / 10 % 10),
                static_cast<char>('0' + status % 10)} {}
  std::string_view text() const { return {digits_, 3}; }

 private:
  char digits_[3];
};

}  // namespace

Task<HeadState> ServerMessageStream::read_head(RequestHead& out, Arena&) {
  RequestParser parser(settings_.head_limits);
  // RFC 9112 section 2.2: an empty line before the request line is tolerated.
  while (input_.content().starts_with("\r\n")) input_.begin += 2;
  const auto deadline = bytes().loop().now() + settings_.head_timeout;
  for (;;) {
    const ParseState state = parser.parse(input_.content(), out);
    if (state == ParseState::kDone) break;
    if (state == ParseState::kFailed) {
      head_error_ = parser.error();
      co_return HeadState::kMalformed;
    }
    const std::span<char> room = input_.room();  // the parser follows when the content moves
    const IoResult got =
        co_await bytes().read(room.data(), room.size(), time_until(deadline, bytes().loop()));
    if (got.error == ETIMEDOUT) co_return HeadState::kTimedOut;
    if (!got.ok() || got.bytes == 0) co_return HeadState::kEnded;
    input_.end += got.bytes;
  }
  head_size_ = parser.head_size();
  version_ = out.version;
  co_return HeadState::kComplete;
}

std::string_view ServerMessageStream::behind(const BodyFraming& body) const {
  std::string_view rest = received();
  if (body.has_length())
    return rest.substr(static_cast<size_t>(std::min<uint64_t>(body.length, rest.size())));
  if (body.kind != BodyKind::kChunked) return rest;
  ChunkedDecoder decoder(ChunkRules{.trailer_size = settings_.head_limits.head_size});
  std::string_view data;
  while (!rest.empty()) {
    const ChunkedDecoder::Result result = decoder.next(rest, data);
    if (result == ChunkedDecoder::Result::kDone || result == ChunkedDecoder::Result::kFailed) break;
  }
  return rest;
}

void ServerMessageStream::keep(std::string_view rest) {
  const char* begin = input_.block.data();
  if (rest.empty()) {
    input_.begin = input_.end = 0;
  } else if (rest.data() >= begin && rest.data() < begin + input_.block.capacity()) {
    input_.begin = static_cast<size_t>(rest.data() - begin);
  } else {
    Block block = Block::take(std::max(rest.size(), Block::kMedium));
    std::memcpy(block.data(), rest.data(), rest.size());
    spent_ = std::exchange(input_.block, std::move(block));
    input_.begin = 0;
    input_.end = rest.size();
  }
}

void ServerMessageStream::write_head(HeadWriter& out, const ResponseToSend& response) const {
  const ResponseHead& head = response.head;
  out.write("HTTP/1.1 ", StatusCode(head.status).text(), " ", head.reason, "\r\n");
  response.fields(out);
  if (head.status == 101) {
    write_upgrade(out, head.fields);
    out.field("connection", "upgrade");
  } else if (head.status >= 200) {
    if (response.body == BodyKind::kChunked) out.field("transfer-encoding", "chunked");
    // HTTP/2 needs no length to say that there is no body.
    const bool bodiless = has_no_content(head.status) || response.to_head_request;
    if (response.body == BodyKind::kNone && head.version == Version::kHttp2 && !bodiless &&
        head.fields.find(FieldId::kContentLength) == nullptr)
      out.field("content-length", "0");
    if (head.status == 426 && head.fields.find(FieldId::kUpgrade) != nullptr) {
      write_upgrade(out, head.fields);  // the answer is what to upgrade to (RFC 9110 section 15.5.22)
      out.field("connection", "upgrade");
    }
    if (response.closes) {
      out.field("connection", "close");
    } else if (version_ == Version::kHttp10) {  // whose connections end unless it is told otherwise
      out.field("connection", "keep-alive");
    }
  }
  out.write("\r\n");
}

BodyKind ServerMessageStream::kind_of_body(const ResponseHead& response) const {
  const BodyKind kind = ServerStream::kind_of_body(response);
  return kind == BodyKind::kChunked && version_ == Version::kHttp10 ? BodyKind::kUntilClose : kind;
}

Task<IoResult> ServerMessageStream::send_continue() {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  iovec piece{const_cast<char*>(kContinue.data()), kContinue.size()};
  co_return co_await bytes().write(std::span(&piece, 1), settings_.send_timeout);
}

Task<IoResult> ServerMessageStream::send_interim(const ResponseToSend& response) {
  if (version_ == Version::kHttp10) co_return IoResult{};
  HeadWriter head(response.expected_size);
  write_head(head, response);
  iovec piece = head.piece();
  co_return co_await bytes().write(std::span(&piece, 1), settings_.send_timeout);
}

Task<IoResult> ServerMessageStream::send_whole(const ResponseToSend& response, std::string_view body) {
  HeadWriter head(response.expected_size + copied_size(body));
  write_head(head, response);
  iovec pieces[2];
  co_return co_await bytes().write(gather_whole(head, body, pieces), settings_.send_timeout);
}

void ServerMessageStream::begin(const ResponseToSend& response) {
  HeadWriter head(response.expected_size);
  write_head(head, response);
  framing_.begin(std::move(head), response.body);
}

}  // namespace portcullis::http::h1

#include "proxy/absent_client.h"

#include <algorithm>
#include <cerrno>

#include "runtime/stream.h"

namespace portcullis::proxy {
namespace {

class AbsentClient : public Channel {
 public:
  IoResult read(char*, size_t) override { return {.error = EAGAIN}; }
  bool may_read() const override { return false; }
  bool may_write() override { return true; }
  IoResult write(std::span<iovec>& pieces) override {
    IoResult taken;
    for (const iovec& piece : pieces) taken.bytes += piece.iov_len;
    pieces = {};
    return taken;
  }
  void finish() override {}
  void close(bool) override {}
};

class SupposedClient final : public AbsentClient {
 public:
  SupposedClient(std::string_view text, std::string& answer, size_t max)
      : text_(text), answer_(answer), max_(max) {}
  IoResult read(char* data, size_t size) override {
    const size_t taken = text_.copy(data, size);
    text_.remove_prefix(taken);
    return {.bytes = taken};
  }
  bool may_read() const override { return !text_.empty(); }
  IoResult write(std::span<iovec>& pieces) override {
    for (const iovec& piece : pieces)
      answer_.append(static_cast<const char*>(piece.iov_base),
                     std::min(max_ - answer_.size(), piece.iov_len));
    return AbsentClient::write(pieces);
  }

 private:
  std::string_view text_;  // the bytes that have not been read yet
  std::string& answer_;
  size_t max_;
};

}  // namespace

std::unique_ptr<Channel> make_absent_client() {
  return std::make_unique<AbsentClient>();
}

std::unique_ptr<Channel> make_supposed_client(std::string_view text, std::string& answer, size_t max) {
  return std::make_unique<SupposedClient>(text, answer, max);
}

}  // namespace portcullis::proxy

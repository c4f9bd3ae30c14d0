#include "client/http_client.h"

#include <algorithm>
#include <limits>

#include "base/curl_library.h"
#include "base/text.h"

namespace portcullis::client {
namespace {

constexpr int64_t kMaxTimeout = std::numeric_limits<int>::max();  // milliseconds; libcurl's max

// libcurl's message without the duration (" after 12 ms"), so that equal failures have equal messages.
std::string without_duration(std::string_view words) {
  std::string out(words);
  constexpr std::string_view kAfter = " after ", kUnit = " ms";
  const size_t begin = out.find(kAfter);
  if (begin == std::string::npos) return out;
  const size_t digits = begin + kAfter.size();
  const size_t end = out.find_first_not_of("0123456789", digits);
  if (end != digits && out.compare(end == std::string::npos ? out.size() : end, kUnit.size(), kUnit) == 0)
    out.erase(begin, end + kUnit.size() - begin);
  return out;
}

}  // namespace

// A socket of libcurl, watched by the event loop.
class HttpClient::Socket final : public Watcher {
 public:
  Socket(HttpClient& client, int fd) : client_(client), fd_(fd) {}
  ~Socket() { unwatch(); }
  void watch(int what) {
    unwatch();
    uint32_t events = 0;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT) events |= EPOLLIN;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT) events |= EPOLLOUT;
    watched_ = client_.loop_.watch(fd_, events, *this);
  }
  void on_events(uint32_t events) override {
    int what = 0;
    if (events & EPOLLIN) what |= CURL_CSELECT_IN;
    if (events & EPOLLOUT) what |= CURL_CSELECT_OUT;
    if (events & (EPOLLERR | EPOLLHUP)) what |= CURL_CSELECT_ERR;
    client_.act(fd_, what);  // may destroy this object
  }

 private:
  void unwatch() {
    if (watched_) client_.loop_.unwatch(fd_, *this);
    watched_ = false;
  }
  HttpClient& client_;
  int fd_;
  bool watched_ = false;
};

// A request in progress; lives in the waiting coroutine's frame.
class HttpClient::Transfer {
 public:
  Transfer(HttpClient& client, const CurlLibrary& curl, const HttpRequest& request)
      : client_(client), curl_(curl), request_(request), easy_(curl.easy_init()) {
    for (const auto& [name, value] : request.fields)
      fields_ = curl_.slist_append(fields_, (name + (value.empty() ? ";" : ": " + value)).c_str());
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    set(CURLOPT_HTTPHEADER, fields_);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_NOPROXY, "*");
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(std::min<int64_t>(request.timeout.count(), kMaxTimeout)));
    set(CURLOPT_USERAGENT, "portcullis/" PORTCULLIS_VERSION);
    set(CURLOPT_PRIVATE, this);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_ERRORBUFFER, error_);
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    if (!request.certificate_file.empty()) set(CURLOPT_SSLCERT, request.certificate_file.c_str());
    if (!request.key_file.empty()) set(CURLOPT_SSLKEY, request.key_file.c_str());
    if (!request.unix_socket.empty()) set(CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
    if (!request.ca_file.empty()) set(CURLOPT_CAINFO, request.ca_file.c_str());
    if (request.method == "HEAD") set(CURLOPT_NOBODY, 1L);
    if (!request.body.empty() || request.method == "POST") {
      set(CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
      set(CURLOPT_POSTFIELDS, request.body.c_str());
    }
    const curl_write_callback write = [](char* data, size_t, size_t size, void* self) {
      return static_cast<Transfer*>(self)->take(std::string_view(data, size)) ? size : 0;
    };
    const curl_write_callback head = [](char* data, size_t, size_t size, void* self) {
      static_cast<Transfer*>(self)->take_field(std::string_view(data, size));
      return size;
    };
    set(CURLOPT_WRITEFUNCTION, write);
    set(CURLOPT_HEADERFUNCTION, head);
    curl_.multi_add_handle(client_.multi_, easy_);
  }
  ~Transfer() {
    curl_.multi_remove_handle(client_.multi_, easy_);
    curl_.easy_cleanup(easy_);
    curl_.slist_free_all(fields_);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  bool await_ready() const { return done_; }
  void await_suspend(std::coroutine_handle<> handle) { waiter_ = handle; }
  HttpResponse await_resume() { return std::move(response_); }

  // Resumes the waiting coroutine, which may destroy this object.
  void finish(CURLcode code) {
    response_.timed_out = code == CURLE_OPERATION_TIMEDOUT;
    if (code != CURLE_OK && !stopped_) {
      response_.error = without_duration(error_[0] != '\0' ? error_ : curl_.easy_strerror(code));
      if (response_.timed_out) response_.error = "no answer in time";
      response_.too_large = too_large_;
      if (too_large_) response_.error = "the response is too large";
    }
    curl_.easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &response_.status);
    done_ = true;
    if (waiter_) std::exchange(waiter_, nullptr).resume();
  }

 private:
  template <typename Value>
  void set(CURLoption option, Value value) {
    curl_.easy_setopt(easy_, option, value);
  }
  bool take(std::string_view data) {
    if (request_.goes_on) {
      stopped_ = !request_.goes_on(data);
      return !stopped_;
    }
    too_large_ = response_.body.size() + data.size() > request_.max_bytes;
    if (!too_large_) response_.body += data;
    return !too_large_;
  }
  void take_field(std::string_view line) {
    if (line.starts_with("HTTP/")) response_.fields.clear();  // drops the fields of an interim response
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || response_.fields.size() >= 100) return;
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && (value.back() == '\r' || value.back() == '\n')) value.remove_suffix(1);
    response_.fields.emplace_back(to_lower(line.substr(0, colon)), trim(value));
  }

  HttpClient& client_;
  const CurlLibrary& curl_;
  const HttpRequest& request_;
  CURL* easy_;
  curl_slist* fields_ = nullptr;
  char error_[CURL_ERROR_SIZE] = "";
  bool too_large_ = false;
  bool stopped_ = false;  // ended by `goes_on`
  bool done_ = false;
  HttpResponse response_;
  std::coroutine_handle<> waiter_;
};

std::string_view HttpResponse::value_of(std::string_view name) const {
  for (const auto& [its_name, value] : fields) {
    if (its_name == name) return value;
  }
  return {};
}

HttpClient::HttpClient(EventLoop& loop) : loop_(loop) {}

HttpClient::~HttpClient() {
  if (multi_ != nullptr) curl_->multi_cleanup(multi_);
}

Status HttpClient::prepare() {
  const Result<CurlLibrary>& curl = curl_library();
  return curl ? Status() : Status(curl.error());
}

Status HttpClient::begin() {
  if (multi_ != nullptr) return {};
  if (Status loaded = prepare(); !loaded) return loaded;
  curl_ = &*curl_library();
  multi_ = curl_->multi_init();
  const curl_socket_callback on_socket_change = [](CURL* easy, curl_socket_t fd, int what, void* self,
                                                   void* known) {
    return on_socket(easy, fd, what, self, known);
  };
  const curl_multi_timer_callback on_timer_change = [](CURLM* multi, long milliseconds, void* self) {
    return on_timer(multi, milliseconds, self);
  };
  curl_->multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, on_socket_change);
  curl_->multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_->multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, on_timer_change);
  curl_->multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  return {};
}

Task<HttpResponse> HttpClient::fetch(HttpRequest request) {
  if (const Status begun = begin(); !begun) {
    HttpResponse none;
    none.error = begun.error().message;
    co_return none;
  }
  Transfer transfer(*this, *curl_, request);
  co_return co_await transfer;
}

int HttpClient::on_socket(void*, int fd, int what, void* self, void*) {
  auto& client = *static_cast<HttpClient*>(self);
  if (what == CURL_POLL_REMOVE) {
    client.sockets_.erase(fd);
    return 0;
  }
  std::unique_ptr<Socket>& socket = client.sockets_[fd];
  if (!socket) socket = std::make_unique<Socket>(client, fd);
  socket->watch(what);
  return 0;
}

int HttpClient::on_timer(void*, long milliseconds, void* self) {
  auto& client = *static_cast<HttpClient*>(self);
  client.loop_.arm(client.timeout_, milliseconds < 0 ? kForever : Milliseconds(milliseconds));
  return 0;
}

void HttpClient::Timeout::fire() {
  client_.act(kTimeoutSocket, 0);
}

void HttpClient::act(int fd, int events) {
  int running = 0;
  curl_->multi_socket_action(multi_, fd == kTimeoutSocket ? CURL_SOCKET_TIMEOUT : fd, events, &running);
  finish_transfers();
}

void HttpClient::finish_transfers() {
  int left = 0;
  while (const CURLMsg* message = curl_->multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    Transfer* transfer = nullptr;
    curl_->easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    transfer->finish(code);
  }
}

}  // namespace portcullis::client

#include "redis/client.h"

extern "C" {  // sds.h lacks it; before the headers that include sds.h
#include <hiredis/sds.h>
}
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cerrno>

#include "crypto/encoding.h"
#include "redis/host_name.h"
#include "redis/refusal.h"
#include "runtime/address.h"

namespace portcullis::redis {
// Connects hiredis's hooks to the event loop for one connection's descriptor. Output of hiredis is sent like
// other small sends of the worker: it waits until the current batch of events has been handled, and is then
// sent together with theirs.
class Client::Socket final : public Watcher, private Sender {
 public:
  Socket(EventLoop& loop, redisAsyncContext* context) : loop_(loop), context_(context) {
    context->ev.data = this;
    context->ev.addRead = [](void* self) { static_cast<Socket*>(self)->want(EPOLLIN, 0); };
    context->ev.delRead = [](void* self) { static_cast<Socket*>(self)->want(0, EPOLLIN); };
    context->ev.addWrite = [](void* self) { static_cast<Socket*>(self)->write(); };
    context->ev.delWrite = [](void* self) { static_cast<Socket*>(self)->want(0, EPOLLOUT); };
    context->ev.cleanup = [](void* self) { static_cast<Socket*>(self)->detach(); };
  }
  ~Socket() { detach(); }

 private:
  void want(uint32_t more, uint32_t less) {
    const uint32_t wanted = (wanted_ | more) & ~less;
    if (wanted == wanted_ || context_ == nullptr) return;
    if (wanted_ != 0) loop_.unwatch(context_->c.fd, *this);
    wanted_ = wanted;
    if (wanted_ != 0) loop_.watch(context_->c.fd, wanted_, *this);
  }
  void write() {
    if (context_ == nullptr || Sender::linked()) return;
    const bool may_write = (context_->c.flags & REDIS_CONNECTED) != 0 && (wanted_ & EPOLLOUT) == 0;
    if (!may_write || sdslen(context_->c.obuf) == 0)
      return want(EPOLLOUT, 0);  // hiredis writes when the socket is writable
    if (loop_.sends_can_wait()) return loop_.send_later(*this);
    const SendRequest now = Socket::request();
    const ssize_t result = loop_.syscalls().send(now.fd, now.data, now.size, now.flags);
    Socket::sent(result < 0 ? -errno : result);
  }
  SendRequest request() override {
    const char* data = context_ == nullptr ? "" : context_->c.obuf;
    const size_t size = context_ == nullptr ? 0 : sdslen(context_->c.obuf);
    return {context_ == nullptr ? -1 : context_->c.fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL};
  }
  void sent(ssize_t result) override {
    if (context_ == nullptr) return;
    if (result > 0) sdsrange(context_->c.obuf, static_cast<int>(result), -1);
    // The remaining output, or the error, is handled by hiredis.
    if (result <= 0 || sdslen(context_->c.obuf) > 0) want(EPOLLOUT, 0);
  }

  void detach() {
    take_back();
    want(0, EPOLLIN | EPOLLOUT);
    context_ = nullptr;
  }
  void on_events(uint32_t events) override {
    // Either call may free the context and destroy this object.
    redisAsyncContext* const context = context_;
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) redisAsyncHandleRead(context);
    if (events & EPOLLOUT && loop_.delivering_to(*this)) redisAsyncHandleWrite(context);
  }

  EventLoop& loop_;
  redisAsyncContext* context_;
  uint32_t wanted_ = 0;
};

// A command in progress; lives in the waiting coroutine's frame.
class Client::Call final : private Timer {
 public:
  // kProbe commands may use a connection whose server has not answered yet.
  enum class Purpose : uint8_t { kWork, kProbe };

  Call(Client& client, std::vector<std::string> words, Purpose purpose = Purpose::kWork)
      : client_(client), words_(std::move(words)), purpose_(purpose) {}
  ~Call() {
    if (pending_ != nullptr) pending_->call = nullptr;
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  bool await_ready() {
    if (client_.state_ == State::kIdle) client_.connect();
    if (client_.state_ == State::kDown) return unavailable(client_.down_because_.c_str());
    const bool may_use = client_.proven_ || purpose_ == Purpose::kProbe;
    if (client_.context_ == nullptr || !may_use) return unavailable(client_.down_because_.c_str());
    std::vector<const char*> texts;
    std::vector<size_t> sizes;
    for (const std::string& word : words_) {
      texts.push_back(word.data());
      sizes.push_back(word.size());
    }
    pending_ = new Pending{this};
    if (redisAsyncCommandArgv(client_.context_, on_reply, pending_, static_cast<int>(texts.size()),
                              texts.data(), sizes.data()) == REDIS_OK)
      return false;
    delete std::exchange(pending_, nullptr);
    return unavailable("the connection is closing");
  }
  void await_suspend(std::coroutine_handle<> handle) {
    waiter_ = handle;
    client_.loop_.arm(*this, client_.settings_.timeout);
  }
  Reply await_resume() { return std::move(reply_); }
  // Returns the command's words, so that the command can be sent again in another form.
  std::vector<std::string> take_words() { return std::move(words_); }

 private:
  // The part that hiredis refers to. It outlives the call when the frame is destroyed or the command times
  // out.
  struct Pending {
    Call* call;
  };

  // NOSCRIPT is not a refusal: the script is then sent as a whole.
  void tell() const {
    if (reply_.kind == Reply::Kind::kError) {
      // After a refused password, later commands fail with NOAUTH, which must not hide the first reason.
      const bool follows = is_for_strangers(reply_.text) && !client_.refusal_.empty();
      if (!reply_.text.starts_with("NOSCRIPT"))
        client_.report_.refused(follows ? client_.refusal_ : reply_.text);
    } else if (purpose_ == Purpose::kWork) {
      client_.report_.answered();
    }
  }
  bool unavailable(const char* why) {
    reply_.kind = Reply::Kind::kUnavailable;
    reply_.text = why;
    return true;
  }
  static void on_reply(redisAsyncContext*, void* reply, void* data) {
    const std::unique_ptr<Pending> pending(static_cast<Pending*>(data));
    if (pending->call == nullptr) return;
    Call& call = *pending->call;
    call.pending_ = nullptr;
    call.unlink();
    if (reply == nullptr) {
      call.unavailable("the connection was lost");
    } else {
      call.client_.timeouts_ = 0;
      call.reply_ = convert(static_cast<const redisReply*>(reply));
      call.tell();
    }
    call.waiter_.resume();
  }
  void fire() override {
    if (pending_ != nullptr) pending_->call = nullptr;
    pending_ = nullptr;
    unavailable("timed out");
    Client& client = client_;
    waiter_.resume();  // destroys this object
    client.note_timeout();
  }

  Client& client_;
  std::vector<std::string> words_;
  Purpose purpose_;
  Pending* pending_ = nullptr;
  Reply reply_;
  std::coroutine_handle<> waiter_;
};

// Removes a script's name and line, which the error may contain: they do not help an operator, and equal
// refusals must have equal messages.
void ServerReport::refused(std::string_view error) {
  accepts_.failed(describe_refusal(error.substr(0, error.find(" script: "))));
}

Client::Client(EventLoop& loop, SidePool& pool, Settings settings, ServerReport& report)
    : loop_(loop), pool_(pool), settings_(std::move(settings)), report_(report) {}

Client::~Client() {
  give_up("stopped");
}

Task<Reply> Client::run_script(std::string_view script, const std::string& sha1,
                               std::vector<std::string> keys, std::vector<std::string> arguments) {
  std::vector<std::string> words{"EVALSHA", sha1, std::to_string(keys.size())};
  words.insert(words.end(), std::make_move_iterator(keys.begin()), std::make_move_iterator(keys.end()));
  words.insert(words.end(), std::make_move_iterator(arguments.begin()),
               std::make_move_iterator(arguments.end()));
  Call call(*this, std::move(words));
  Reply reply = co_await call;
  if (reply.kind != Reply::Kind::kError || !reply.text.starts_with("NOSCRIPT")) co_return reply;
  words = call.take_words();
  words[0] = "EVAL";
  words[1] = script;
  Call whole(*this, std::move(words));
  co_return co_await whole;
}

void Client::connect() {
  state_ = State::kConnecting;
  loop_.arm(alarm_, settings_.timeout);
  if (const auto address = SocketAddress::parse(settings_.address)) {
    if (address->is_unix()) return open(settings_.address.substr(5), 0);
    return open(address->host(), address->port());
  }
  const auto place = split_host_port(settings_.address);
  if (!place) return lose("the address is invalid");
  loop_.arm(alarm_, kLastRetry);  // resolving a name may take longer than a connect
  tasks_.spawn(connect_by_name(place->host, place->port));
}

Task<void> Client::connect_by_name(std::string host, uint16_t port) {
  std::function<std::string()> work = [host = std::move(host), port,
                                       timeout = std::min(settings_.timeout, kLastRetry / 20)] {
    return reachable_address(host, port, timeout);
  };
  const auto address = co_await pool_.run(loop_, std::move(work));
  if (state_ != State::kConnecting || context_ != nullptr) co_return;
  if (!address || address->empty()) {
    lose("the host name cannot be resolved");
  } else {
    open(*address, port);
  }
}

void Client::open(const std::string& host, uint16_t port) {
  context_ = port == 0 ? redisAsyncConnectUnix(host.c_str()) : redisAsyncConnect(host.c_str(), port);
  if (context_ == nullptr || context_->err != 0) return lose("the connection failed");
  context_->data = this;
  socket_ = std::make_unique<Socket>(loop_, context_);
  // Setting the first callback activates the hooks, so the hooks must be installed before.
  redisAsyncSetConnectCallback(context_, [](const redisAsyncContext* context, int status) {
    auto* self = static_cast<Client*>(context->data);
    if (self->context_ == context) self->on_connected(status == REDIS_OK);
  });
  redisAsyncSetDisconnectCallback(context_, [](const redisAsyncContext* context, int) {
    auto* self = static_cast<Client*>(context->data);
    if (self->context_ != context) return;
    self->context_ = nullptr;  // hiredis frees the context
    // A server may close idle connections. That is reported only when the server cannot be reached again.
    self->state_ == State::kReady ? self->give_up("the connection was lost")
                                  : self->lose("the connection was lost");
  });
  greet();
}

// Sends the commands that a new connection needs first, together with the commands that wait.
void Client::greet() {
  const auto send = [this](std::vector<std::string> words) {
    tasks_.spawn([](Client& client, std::vector<std::string> command_words) -> Task<void> {
      Call call(client, std::move(command_words), Call::Purpose::kProbe);
      const Reply reply = co_await call;
      // A server that refuses the login cannot be used, and trying again soon does not help.
      if (reply.kind == Reply::Kind::kError) client.down_because_ = client.refusal_ = reply.text;
    }(*this, std::move(words)));
  };
  refusal_.clear();
  for (std::vector<std::string>& words : greeting(settings_)) send(std::move(words));
}

void Client::on_connected(bool well) {
  if (!well) {
    context_ = nullptr;  // hiredis frees the context
    return lose("the connection failed");
  }
  alarm_.unlink();
  if (proven_) return serve();
  tasks_.spawn(probe());
}

void Client::serve() {
  state_ = State::kReady;
  report_.connected();
  proven_ = true;
  retry_ = kFirstRetry;
  timeouts_ = 0;
}

// The kernel accepts connections for a process that hangs, so the server must answer a PING before requests
// wait for it again.
Task<void> Client::probe() {
  std::vector<std::string> words{"PING"};
  Call call(*this, std::move(words), Call::Purpose::kProbe);
  const Reply reply = co_await call;
  if (state_ != State::kConnecting) co_return;  // the connection was lost meanwhile
  if (reply.kind == Reply::Kind::kUnavailable) {
    lose("the server does not answer");
  } else {
    serve();
  }
}

void Client::lose(const char* why) {
  report_.lost(why);
  give_up(why);
}

// Closes the connection. Waiting commands fail, and their coroutines may issue new commands, which find the
// connection down.
void Client::give_up(const char* why) {
  state_ = State::kDown;
  proven_ = false;
  down_because_ = why;
  redisAsyncContext* const context = std::exchange(context_, nullptr);
  loop_.arm(alarm_, retry_);
  retry_ = std::min(retry_ * 2, kLastRetry);
  if (context != nullptr) redisAsyncFree(context);
}

void Client::note_timeout() {
  count_fault(Fault::kRedisUnavailable);
  if (state_ == State::kReady && ++timeouts_ >= kMaxTimeouts) lose("the server does not answer");
}

void Client::Alarm::fire() {
  if (client_.state_ == State::kConnecting) return client_.lose("the connection timed out");
  if (client_.state_ == State::kDown) client_.connect();
}

Reply Client::convert(const redisReply* reply) {
  Reply out;
  switch (reply->type) {
    case REDIS_REPLY_ERROR:
      out.kind = Reply::Kind::kError;
      out.text.assign(reply->str, reply->len);
      break;
    case REDIS_REPLY_INTEGER:
      out.kind = Reply::Kind::kInteger;
      out.integer = reply->integer;
      break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      out.kind = Reply::Kind::kText;
      out.text.assign(reply->str, reply->len);
      break;
    case REDIS_REPLY_ARRAY:
      out.kind = Reply::Kind::kList;
      for (size_t i = 0; i < reply->elements; ++i) out.list.push_back(convert(reply->element[i]));
      break;
    default: out.kind = Reply::Kind::kNil;
  }
  return out;
}

std::vector<std::vector<std::string>> greeting(const Settings& settings) {
  std::vector<std::vector<std::string>> out;
  if (!settings.password.empty()) {
    std::vector<std::string>& words = out.emplace_back(std::vector<std::string>{"AUTH"});
    if (!settings.username.empty()) words.push_back(settings.username);
    words.push_back(settings.password);
  }
  if (settings.database != 0) out.push_back({"SELECT", std::to_string(settings.database)});
  return out;
}

std::string script_sha1(std::string_view script) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  size_t size = 0;
  EVP_Q_digest(nullptr, "SHA1", nullptr, script.data(), script.size(), digest, &size);
  return crypto::hex_encode({reinterpret_cast<const char*>(digest), size});
}

}  // namespace portcullis::redis

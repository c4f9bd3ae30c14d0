#include "identity/key_sources.h"

#include <nlohmann/json.hpp>

#include <limits>

#include "base/faults.h"
#include "base/read_file.h"
#include "base/text.h"

namespace portcullis::identity {
namespace {

// The delay after a failed fetch doubles from kFirstRetry on.
constexpr Milliseconds kFirstRetry{1'000};
constexpr Milliseconds kLastRetry{60'000};

int64_t to_number(Clock::time_point time) {
  return std::chrono::duration_cast<Milliseconds>(time.time_since_epoch()).count();
}

std::string text_of(const nlohmann::json& document, const char* name) {
  if (!document.is_object()) return "";
  const auto found = document.find(name);
  return found != document.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

Result<std::string> read_key_file(const std::string& path) {
  auto content = read_file(path);
  if (!content || content->empty()) return Error{"cannot read the key file `" + path + "`"};
  return content;
}

// One key source and the task that refreshes it.
class KeySources::Followed final : public KeySource, public std::enable_shared_from_this<Followed> {
 public:
  Followed(KeySources& owner, KeyPlace place) : owner_(owner), place_(std::move(place)) {
    if (place_.kind == KeyPlace::Kind::kFile) take(read_key_file(place_.place));
  }

  bool refresh() override {
    if (fetching()) return true;
    const int64_t now = to_number(Clock::now());
    int64_t last = last_asked_.load(std::memory_order_relaxed);
    // Only requests by tokens count for the cooldown: the set may have changed right after a scheduled fetch.
    if (now - last < place_.cooldown.count()) return false;
    if (!last_asked_.compare_exchange_strong(last, now, std::memory_order_relaxed)) return fetching();
    if (!fetching_.exchange(true)) {
      owner_.loop_.post([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->alarm_.ring();
      });
    }
    return true;
  }
  bool fetching() const override { return fetching_.load(std::memory_order_acquire); }

  // Runs until only the owner and this task refer to the source.
  static Task<void> follow(std::shared_ptr<Followed> self) {
    constexpr long kOwnReferences = 2;
    Milliseconds retry = kFirstRetry;
    while (self.use_count() > kOwnReferences) {
      self->fetching_.store(true);
      const bool good = co_await self->fetch();
      self->fetching_.store(false, std::memory_order_release);
      self->fetched().notify();
      const Milliseconds pause = good ? self->place_.refresh : std::min(retry, self->place_.refresh);
      retry = good ? kFirstRetry : std::min(retry * 2, kLastRetry);
      co_await self->alarm_.wait(pause);
    }
    self->owner_.sources_.erase(self->place_);
  }

 private:
  // A sleep that can be interrupted.
  class Alarm final : private Timer {
   public:
    explicit Alarm(EventLoop& loop) : loop_(loop) {}
    struct Awaiter {
      Alarm& alarm;
      Milliseconds delay;
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> handle) {
        alarm.sleeper_ = handle;
        alarm.loop_.arm(alarm, delay);
      }
      void await_resume() const noexcept {}
    };
    Awaiter wait(Milliseconds delay) { return {*this, delay}; }
    void ring() {
      if (sleeper_) loop_.arm(*this, Milliseconds(0));
    }

   private:
    void fire() override { std::exchange(sleeper_, nullptr).resume(); }
    EventLoop& loop_;
    std::coroutine_handle<> sleeper_;
  };

  Task<bool> fetch() {
    if (place_.kind == KeyPlace::Kind::kFile) co_return take(read_key_file(place_.place));
    std::string url = place_.place;
    if (place_.kind == KeyPlace::Kind::kDiscovery) {
      const client::HttpResponse told = co_await get(discovery_url(place_.place));
      if (!told.ok()) co_return take(Error{"discovery: " + why_not(told)});
      const auto document = nlohmann::json::parse(told.body, nullptr, false);
      url = text_of(document, "jwks_uri");
      const std::string issuer = text_of(document, "issuer");
      if (issuer != place_.place)
        co_return take(Error{"discovery: the document is for another issuer, `" + issuer + "`"});
      if (url.empty()) co_return take(Error{"discovery: the document has no `jwks_uri`"});
    }
    const client::HttpResponse response = co_await get(url);
    if (!response.ok()) co_return take(Error{why_not(response)});
    co_return take(response.body);
  }

  Task<client::HttpResponse> get(std::string url) {
    if (!owner_.client_) owner_.client_ = std::make_unique<client::HttpClient>(owner_.loop_);
    client::HttpRequest request;
    request.url = std::move(url);
    request.ca_file = place_.ca_file;
    request.timeout = place_.timeout;
    request.fields = {{"accept", "application/json, application/jwk-set+json"}};
    co_return co_await owner_.client_->fetch(std::move(request));
  }

  static std::string discovery_url(const std::string& issuer) {
    return issuer + (issuer.ends_with('/') ? "" : "/") + ".well-known/openid-configuration";
  }
  static std::string why_not(const client::HttpResponse& response) {
    return response.error.empty() ? "status " + std::to_string(response.status) : response.error;
  }

  // Parses `text` and publishes its keys. On failure keeps the current keys unless they are too old.
  bool take(const Result<std::string>& text) {
    std::string fault = text ? "" : text.error().message;
    if (text && (*text != text_ || version() == 0)) {
      auto keys = crypto::parse_jwks(*text, nullptr);
      if (keys) {
        text_ = *text;
        publish(std::move(*keys));
      } else {
        fault = keys.error().message;
      }
    }
    if (fault.empty()) {
      fresh_at_ = Clock::now();
    } else if (version() != 0 && Clock::now() - fresh_at_ > place_.stale) {
      withdraw();
      fault += "; the keys fetched before are too old and are no longer used";
    }
    if (!fault.empty()) count_fault(Fault::kKeySet);
    // Logs a failure only when its reason changes, not at every attempt.
    if (fault != fault_)
      owner_.say_(fault.empty() ? Level::kInfo : Level::kWarning,
                  "keys of " + without_secrets(place_.place) +
                      (fault.empty() ? ": the keys are available again" : ": " + fault));
    fault_ = fault;
    return fault.empty();
  }

  KeySources& owner_;
  const KeyPlace place_;
  std::string text_;
  std::string fault_;
  Clock::time_point fresh_at_ = Clock::now();
  Alarm alarm_{owner_.loop_};
  std::atomic<bool> fetching_{true};  // the first fetch begins right away
  std::atomic<int64_t> last_asked_{std::numeric_limits<int64_t>::min() / 2};
};

KeySources::KeySources(EventLoop& loop, Say say) : loop_(loop), say_(std::move(say)) {}

KeySources::~KeySources() {
  tasks_.clear();
}

std::shared_ptr<KeySource> KeySources::get(const KeyPlace& place) {
  std::shared_ptr<Followed>& source = sources_[place];
  if (source) return source;
  source = std::make_shared<Followed>(*this, place);
  // The task starts in the loop's next round, when the caller holds its own reference.
  loop_.post([this, fresh = source] { tasks_.spawn(Followed::follow(fresh)); });
  return source;
}

}  // namespace portcullis::identity

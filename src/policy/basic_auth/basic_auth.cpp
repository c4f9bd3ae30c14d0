#include "policy/basic_auth/basic_auth.h"

#include <mutex>
#include <set>

#include "crypto/encoding.h"
#include "http/message.h"
#include "identity/password.h"
#include "policy/authentication.h"
#include "policy/bounded_cache.h"
#include "policy/credential_place.h"
#include "policy/per_worker.h"
#include "policy/services.h"

namespace portcullis::policy::basic_auth {
namespace {

struct Settings : AuthenticationSettings {
  std::string realm = "portcullis";
  std::chrono::milliseconds cache{300'000};
  Credential credential = Credential::kHide;
};

// A yescrypt hash of nothing anybody knows, for names that no consumer has: they take as long as the others.
constexpr std::string_view kNobody =
    "$y$j9T$.TpKj8NKTCMtLTl8IdDJT/$NGabg11KkIj0UOTIaYjRFyrGqCrrFxUcBCdh2uxLGj.";

// Verifications that have succeeded, for those that wait for the same one. Used by the side threads.
class Succeeded {
 public:
  bool contains(const crypto::Digest256& digest) {
    const std::lock_guard lock(mutex_);
    return digests_.contains(digest);
  }
  void add(const crypto::Digest256& digest) {
    const std::lock_guard lock(mutex_);
    if (digests_.size() >= kMost) digests_.clear();
    digests_.insert(digest);
  }

 private:
  static constexpr size_t kMost = 4096;
  std::mutex mutex_;
  std::set<crypto::Digest256> digests_;
};

class BasicAuth final : public Authentication {
 public:
  BasicAuth(const Settings& settings, const BuildContext& build)
      : Authentication(settings, build),
        settings_(settings),
        pool_(build.services.side_pool()),
        caches_(build.workers) {
    challenge_ = "Basic realm=\"" + settings.realm + "\", charset=\"UTF-8\"";
  }

  bool presented(const Context& context) const override { return find(context).has_value(); }
  std::string_view challenge() const override { return challenge_; }
  std::string_view missing_reason() const override { return "basic_missing"; }

  Decision authenticate(Context& context) const override {
    const auto login = read(context);
    if (!login) return unauthorized(context, challenge_, "basic_malformed");
    const auto& [username, password] = *login;
    const identity::Password* known = consumers().by_username(username);
    const std::string_view hash = known == nullptr ? kNobody : std::string_view(known->hash);
    // Not the password itself: its digest with the hash, so that a changed one is verified anew.
    const crypto::Digest256 digest = crypto::sha256(
        context.arena.concat(username, std::string_view("\0", 1), hash, std::string_view("\0", 1), password));
    if (known != nullptr && cache(context).find(crypto::text_of(digest), context.loop.now()) != nullptr)
      return admit(context, *known);
    return Decision::suspend(verify(context, std::string(password), std::string(hash), digest, known));
  }

 private:
  static std::optional<std::string_view> find(const Context& context) {
    return find_in_header(context.request.fields, "authorization", "Basic");
  }
  struct Login {
    std::string_view username, password;
  };
  // What was presented, in the arena; nothing when it is broken or too long.
  static std::optional<Login> read(Context& context) {
    const std::string_view encoded = *find(context);
    if (encoded.size() > kLongest) return std::nullopt;
    char* room = context.arena.allocate(encoded.size(), 1);
    const auto pair =
        crypto::base64_decode(encoded, crypto::Base64::kStandard, std::span(room, encoded.size()));
    const size_t colon = pair ? pair->find(':') : std::string_view::npos;
    if (colon == std::string_view::npos) return std::nullopt;
    return Login{pair->substr(0, colon), pair->substr(colon + 1)};
  }
  BoundedCache<bool>& cache(const Context& context) const {
    return caches_.get(context.worker, [] { return std::make_unique<BoundedCache<bool>>(kCached); });
  }

  // On another thread; allocates, as the hash itself does.
  Task<Decision> verify(Context& context, std::string password, std::string hash, crypto::Digest256 digest,
                        const identity::Password* known) const {
    const bool remembers = !context.explains();
    std::function<bool()> work = [password = std::move(password), hash = std::move(hash), digest, remembers,
                                  succeeded = succeeded_] {
      if (succeeded->contains(digest)) return true;
      const bool same = identity::verify_password(password, hash);
      if (same && remembers) succeeded->add(digest);
      return same;
    };
    const auto good = co_await pool_.run(context.loop, std::move(work));
    if (!good) co_return Decision::refuse(503, "overloaded", "basic_overloaded");
    if (!*good || known == nullptr)
      co_return unauthorized(context, challenge_,
                             known == nullptr ? "basic_unknown_user" : "basic_wrong_password");
    if (remembers) cache(context).keep(crypto::text_of(digest), true, context.loop.now() + settings_.cache);
    co_return admit(context, *known);
  }

  Decision admit(Context& context, const identity::Password& known) const {
    context.caller = {known.consumer, known.username, nullptr, true};
    if (settings_.credential == Credential::kHide) context.request.fields.remove("authorization");
    return Decision::proceed();
  }

  static constexpr size_t kLongest = 1024;
  static constexpr size_t kCached = 1024;

  Settings settings_;
  std::string challenge_;
  SidePool& pool_;
  std::shared_ptr<Succeeded> succeeded_ = std::make_shared<Succeeded>();
  PerWorker<BoundedCache<bool>> caches_;
};

}  // namespace

Kind kind() {
  auto type = std::make_shared<config::ObjectType>(
      "basic_auth",
      "Tells the consumer by user name and password (RFC 7617): 401 for a wrong one. Only the passwords' "
      "hashes "
      "are configured; they are verified apart from the workers. Use it behind TLS.");
  type->optional("realm", &Settings::realm,
                 config::checked_text("a realm", "",
                                      [](const std::string& text) -> std::string {
                                        return text.find_first_of("\"\\\r\n") == std::string::npos
                                                   ? ""
                                                   : "a realm cannot hold quotes or backslashes";
                                      }),
                 "portcullis", "Shown by browsers that ask for the password.")
      .optional("cache", &Settings::cache, config::duration(), "5m",
                "How long each worker remembers that a password was right. A reload forgets it.")
      .optional("credential", &Settings::credential, credential_type(), "hide",
                "Whether the backend sees the password: `hide` or `pass`.");
  return make_authentication_kind<Settings, BasicAuth>("basic_auth", type);
}

}  // namespace portcullis::policy::basic_auth

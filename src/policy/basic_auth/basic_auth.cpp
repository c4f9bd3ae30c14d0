#include "policy/basic_auth/basic_auth.h"

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "crypto/encoding.h"
#include "http/message.h"
#include "identity/password.h"
#include "policy/authentication.h"
#include "policy/basic_auth/reasons.h"
#include "policy/bounded_cache.h"
#include "policy/counters.h"
#include "policy/credential_place.h"
#include "policy/limit_key.h"
#include "policy/per_worker.h"
#include "policy/services.h"
#include "policy/side_work.h"

namespace portcullis::policy::basic_auth {
namespace {

struct Settings : AuthenticationSettings {
  std::string realm = "portcullis";
  std::chrono::milliseconds cache{300'000};
  config::Rate failures_by_address{20, std::chrono::minutes(1)};
  config::Rate failures_by_name{20, std::chrono::minutes(1)};
  Credential credential = Credential::kHide;
};

// A yescrypt hash of a random password. It is verified when no consumer has the user name, so that the time
// of the answer does not tell which names exist.
constexpr std::string_view kNobody =
    "$y$j9T$.TpKj8NKTCMtLTl8IdDJT/$NGabg11KkIj0UOTIaYjRFyrGqCrrFxUcBCdh2uxLGj.";

// Digests of verifications that have succeeded. Queued jobs for the same user name and password find the
// result here. Used by the side threads.
class Succeeded {
 public:
  bool contains(const crypto::Digest256& digest) {
    const std::lock_guard lock(mutex_);
    return digests_.contains(digest);
  }
  void add(const crypto::Digest256& digest) {
    const std::lock_guard lock(mutex_);
    if (digests_.size() >= kMax) digests_.clear();
    digests_.insert(digest);
  }

 private:
  static constexpr size_t kMax = 4096;
  std::mutex mutex_;
  std::set<crypto::Digest256> digests_;
};

// Counts wrong passwords by one key (client address or user name), and so limits how many passwords are
// hashed. The counts are shared by all routes.
struct FailureLimit {
  FailureLimit(const config::Rate& rate, const std::string& name, limits::LocalLimits& engine)
      : limit(limits::Algorithm::kTokenBucket, rate.amount, rate.period, rate.amount),
        scope(engine.scope_of_limit(name)) {}

  limits::CounterKey key_of(const limits::LocalLimits& engine, std::string_view text) const {
    return {limits::CounterSpace::kStrangers, engine.hash_key(scope, text)};
  }

  limits::Limit limit;
  uint64_t scope;
};

// A limit and the key of the counter that a request is counted under.
struct FailureCount {
  limits::Limit limit;
  limits::CounterKey key;
};

enum class Verification : uint8_t { kRight, kWrong, kTooManyFailures };

// The input of one verification. A job may outlive the request, but not the services.
struct Job {
  std::string password;
  std::string hash;
  crypto::Digest256 digest;
  std::shared_ptr<Succeeded> succeeded;
  limits::LocalLimits& engine;
  std::array<FailureCount, 2> failures;
  bool remembers;  // whether the result is stored and counted; false when the request is only explained
};

// Runs on a side thread. A password that was right before is not hashed again, so it stays right however many
// wrong passwords are counted.
Verification verify(const Job& job) {
  if (job.succeeded->contains(job.digest)) return Verification::kRight;
  for (const FailureCount& one : job.failures) {
    if (job.engine.charge(one.limit, one.key, 0, Clock::now()).remaining == 0)
      return Verification::kTooManyFailures;
  }
  if (identity::verify_password(job.password, job.hash)) {
    if (job.remembers) job.succeeded->add(job.digest);
    return Verification::kRight;
  }
  for (const FailureCount& one : job.failures) {
    if (job.remembers) job.engine.force(one.limit, one.key, 1, Clock::now());
  }
  return Verification::kWrong;
}

class BasicAuth final : public Authentication {
 public:
  BasicAuth(const Settings& settings, const BuildContext& build)
      : Authentication(settings, build),
        settings_(settings),
        pool_(build.services.get<SideWork>().pool()),
        engine_(build.services.get<Counters>().limits()),
        by_address_(settings.failures_by_address, "basic_auth/failures_by_address", engine_),
        by_name_(settings.failures_by_name, "basic_auth/failures_by_name", engine_),
        caches_(build.workers) {
    challenge_ = "Basic realm=\"" + settings.realm + "\", charset=\"UTF-8\"";
  }

  void add_reads(RequestReads& reads) const override {
    reads.add({.part = RequestReads::Part::kHeader,
               .name = "authorization",
               .use = RequestReads::Use::kCredential,
               .scheme = "Basic"});
  }
  bool presented(const Context& context) const override { return find(context).has_value(); }
  std::string_view challenge() const override { return challenge_; }
  const EndReason& missing_reason() const override { return kReasons.basic_missing; }

  Decision authenticate(Context& context) const override {
    const auto login = read(context);
    if (!login) return unauthorized(context, challenge_, kReasons.basic_malformed);
    const auto& [username, password] = *login;
    const identity::Password* known = consumers().by_username(username);
    const std::string_view hash = known == nullptr ? kNobody : std::string_view(known->hash);
    // The key is not the password but a digest of password and hash, so that a changed password is verified
    // anew.
    const crypto::Digest256 digest = crypto::sha256(
        context.arena.concat(username, std::string_view("\0", 1), hash, std::string_view("\0", 1), password));
    if (known != nullptr && cache(context).find(crypto::text_of(digest), context.loop.now()) != nullptr)
      return admit(context, *known);
    const auto job = std::make_shared<const Job>(
        Job{std::string(password),
            std::string(hash),
            digest,
            succeeded_,
            engine_,
            {FailureCount{by_address_.limit, by_address_.key_of(engine_, address_.text_of(context))},
             FailureCount{by_name_.limit, by_name_.key_of(engine_, username)}},
            !context.explains()});
    return Decision::suspend(judge(context, job, known));
  }

 private:
  static std::optional<std::string_view> find(const Context& context) {
    return find_in_header(context.request.fields, "authorization", "Basic");
  }
  struct Login {
    std::string_view username, password;
  };
  // The user name and password of the request, in the arena; nothing when the credential is malformed or too
  // long.
  static std::optional<Login> read(Context& context) {
    const std::string_view encoded = *find(context);
    if (encoded.size() > kMaxEncoded) return std::nullopt;
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

  // Has the password verified on another thread. Allocates, as the hash itself does. `known` is null when no
  // consumer has the user name.
  Task<Decision> judge(Context& context, std::shared_ptr<const Job> job,
                       const identity::Password* known) const {
    std::function<Verification()> work = [job] { return verify(*job); };
    const auto found = co_await pool_.run(context.loop, std::move(work));
    if (!found) co_return Decision::refuse(kReasons.basic_overloaded, "overloaded");
    if (*found == Verification::kTooManyFailures) co_return refuse_for_failures(context);
    if (*found == Verification::kWrong || known == nullptr)
      co_return unauthorized(context, challenge_,
                             known == nullptr ? kReasons.basic_unknown_user : kReasons.basic_wrong_password);
    if (job->remembers)
      cache(context).keep(crypto::text_of(job->digest), true, context.loop.now() + settings_.cache);
    co_return admit(context, *known);
  }

  // Retry-After is the time after which one more failure is allowed.
  Decision refuse_for_failures(Context& context) const {
    const auto seconds = [](const config::Rate& rate) {
      return std::chrono::ceil<std::chrono::seconds>(rate.period / static_cast<int64_t>(rate.amount)).count();
    };
    const int64_t wait =
        std::max(seconds(settings_.failures_by_address), seconds(settings_.failures_by_name));
    context.response.fields.add("retry-after",
                                context.arena.decimal(static_cast<uint64_t>(std::max<int64_t>(wait, 1))));
    return Decision::refuse(kReasons.basic_too_many_failures, "rate_limited");
  }

  Decision admit(Context& context, const identity::Password& known) const {
    context.caller = {known.consumer, known.username, nullptr, true};
    if (settings_.credential == Credential::kHide) context.request.fields.remove("authorization");
    return Decision::proceed();
  }

  static constexpr size_t kMaxEncoded = 1024;
  static constexpr size_t kCached = 1024;

  Settings settings_;
  std::string challenge_;
  SidePool& pool_;
  limits::LocalLimits& engine_;
  FailureLimit by_address_;
  FailureLimit by_name_;
  LimitKey address_{"client.address"};
  std::shared_ptr<Succeeded> succeeded_ = std::make_shared<Succeeded>();
  PerWorker<BoundedCache<bool>> caches_;
};

}  // namespace

Kind kind() {
  auto type = std::make_shared<config::ObjectType<Settings>>(
      "basic_auth",
      "Finds the consumer by user name and password (RFC 7617); a wrong password gets 401. The configuration "
      "contains only hashes of passwords; separate threads verify them. Use this policy behind TLS.");
  type->optional("realm", &Settings::realm,
                 config::checked_text("a realm", "", "orders",
                                      [](const std::string& text) -> std::string {
                                        return text.find_first_of("\"\\\r\n") == std::string::npos
                                                   ? ""
                                                   : "a realm must not contain quotes or backslashes";
                                      }),
                 "The name of the protected area, which browsers show when they ask for the password.")
      .optional("cache", &Settings::cache, config::duration(),
                "How long each worker remembers that a password was correct. A reload forgets it.")
      .optional("failures_by_address", &Settings::failures_by_address, config::rate(),
                "Max rate of wrong passwords from one client address (IPv6: its /64), for all routes "
                "together. Requests beyond it get 429, and the password is not verified.")
      .optional("failures_by_name", &Settings::failures_by_name, config::rate(),
                "Max rate of wrong passwords for one user name, from all addresses together. A password that "
                "was correct since the last reload is still accepted.")
      .optional("credential", &Settings::credential, credential_type(),
                "Whether the backend gets the password: `hide` or `pass`.");
  return make_authentication_kind<Settings, BasicAuth>("basic_auth", type, "basic")
      .with_reasons(kReasons)
      .with_engine(Counters::start);
}

}  // namespace portcullis::policy::basic_auth

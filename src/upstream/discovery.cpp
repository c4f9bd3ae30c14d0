#include "upstream/discovery.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/faults.h"

namespace portcullis::upstream {

namespace {

// The state of a name in one address family.
struct FamilyState {
  Resolver::Family kind;
  bool open = false;      // a query is in progress
  bool found = false;     // the last answer had addresses
  Addresses addresses{};  // of the last answer with addresses, unless a later answer denied them
  std::chrono::seconds ttl{0};
  bool denied = false;
  std::string error{};
};

}  // namespace

// One name: its queries for IPv4 and IPv6 addresses, and the timer for the next queries. Each family is
// queried separately, so a name server that drops one query delays only that family.
class Discovery::Name final : private Timer {
 public:
  Name(Discovery& discovery, std::string host) : discovery_(discovery), host_(std::move(host)) {}

  // True once a first answer, or failure, has arrived.
  bool answered() const { return answered_; }
  const Addresses& addresses() const { return addresses_; }

  // Sends the queries that are not in progress.
  void ask() {
    if (const auto found = discovery_.resolver_->look_in_hosts_file(host_)) {
      note_found();
      discovery_.loop_.arm(*this, discovery_.pause_after(found->ttl));
      return publish(found->addresses);
    }
    std::array<bool, 2> due{};
    // Both families are marked first, because an answer may arrive before resolve() returns.
    for (size_t i = 0; i < due.size(); ++i) due[i] = !std::exchange(families_[i].open, true);
    for (size_t i = 0; i < due.size(); ++i) {
      if (!due[i]) continue;
      FamilyState& one = families_[i];
      discovery_.resolver_->resolve(
          host_, one.kind, [this, &one, alive = std::weak_ptr<int>(alive_)](const Resolver::Answer& answer) {
            if (!alive.expired()) take(one, answer);
          });
    }
  }
  // Repeats the queries through a new resolver, because the old resolver's queries get no answers.
  void ask_anew() {
    for (FamilyState& one : families_) one.open = false;
    ask();
  }

 private:
  class Delay final : public Timer {
   public:
    explicit Delay(Name& name) : name_(name) {}
    void fire() override { name_.settle(); }

   private:
    Name& name_;
  };

  // How long the answer of one family waits for the other: RFC 8305 section 3 recommends 50 ms.
  static constexpr Milliseconds kResolutionDelay{50};

  void fire() override { ask(); }

  void take(FamilyState& family, const Resolver::Answer& answer) {
    family.open = false;
    family.found = !answer.addresses.empty();
    family.denied = answer.denied;
    family.error = answer.error;
    if (family.found) {
      family.addresses = answer.addresses;
      family.ttl = answer.ttl;
    }
    const bool other_is_open = families_[0].open || families_[1].open;
    if (!other_is_open) {
      settle();
    } else if (family.found && !delay_.linked()) {
      discovery_.loop_.arm(delay_, kResolutionDelay);
    }
  }

  // Evaluates the answers received so far.
  void settle() {
    delay_.unlink();
    note_answered();
    const Dns& settings = discovery_.settings_;
    const FamilyState* min = nullptr;  // the family with addresses whose TTL ends first
    for (const FamilyState& one : families_) {
      if (one.found && (min == nullptr || one.ttl < min->ttl)) min = &one;
    }
    if (min == nullptr) {
      note_failure(families_[0].error);
      discovery_.loop_.arm(*this, settings.min_ttl);
      return;
    }
    note_found();
    discovery_.loop_.arm(*this, discovery_.pause_after(min->ttl));
    Addresses all;
    for (FamilyState& one : families_) {
      if (!one.found && one.denied) one.addresses.clear();
      all.insert(all.end(), one.addresses.begin(), one.addresses.end());
    }
    publish(std::move(all));
  }

  // Counts each failure, and logs it when the reason differs from the last one.
  void note_failure(const std::string& error) {
    count_fault(Fault::kNameLookup);
    if (last_error_ != error)
      tell_fault(Fault::kNameLookup, Level::kWarning,
                 "cannot resolve " + host_ + ": " + error +
                     (addresses_.empty() ? "" : "; its last addresses are used"));
    last_error_ = error;
  }
  void note_found() {
    if (!last_error_.empty()) tell_fault(Fault::kNameLookup, Level::kInfo, host_ + " is resolved again");
    last_error_.clear();
  }

  void note_answered() {
    if (!std::exchange(answered_, true) && discovery_.on_answered_) discovery_.on_answered_();
  }

  void publish(Addresses found) {
    note_answered();
    if (found == addresses_) return;
    addresses_ = std::move(found);
    discovery_.on_change_(host_, addresses_);
  }

  Discovery& discovery_;
  std::string host_;
  std::array<FamilyState, 2> families_{FamilyState{.kind = Resolver::Family::kIpv4},
                                       FamilyState{.kind = Resolver::Family::kIpv6}};
  Delay delay_{*this};
  Addresses addresses_;
  std::string last_error_;
  bool answered_ = false;
  // Tells callbacks that this object still exists; queries cannot be cancelled.
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

Discovery::Discovery(EventLoop& loop, OnChange on_change, std::function<void()> on_answered)
    : loop_(loop), on_change_(std::move(on_change)), on_answered_(std::move(on_answered)) {}
Discovery::~Discovery() = default;

Milliseconds Discovery::pause_after(std::chrono::seconds ttl) {
  const Milliseconds pause =
      std::clamp<Milliseconds>(ttl, settings_.min_ttl, std::max(settings_.min_ttl, settings_.max_ttl));
  // Adds up to a tenth, so that a cluster's gateways, and a gateway's names, do not query at the same time.
  return pause + Milliseconds(random_.below(static_cast<uint64_t>(pause.count() / 10 + 1)));
}

Resolver* Discovery::resolver() {
  if (resolver_) return resolver_.get();
  if (auto made = Resolver::create(loop_, settings_.servers)) resolver_ = std::move(*made);
  return resolver_.get();
}

Status Discovery::watch(const std::set<std::string>& hosts, const Dns& settings) {
  if (!hosts.empty() && (!resolver_ || !(settings == settings_))) {
    auto made = Resolver::create(loop_, settings.servers);
    if (!made) return made.error();
    resolver_ = std::move(*made);
    for (auto& [host, name] : names_) name->ask_anew();
  }
  if (hosts.empty() && !(settings == settings_)) resolver_.reset();
  settings_ = settings;
  std::erase_if(names_, [&](const auto& entry) { return !hosts.contains(entry.first); });
  for (const std::string& host : hosts) {
    const auto [entry, added] = names_.try_emplace(host);
    if (!added) continue;
    entry->second = std::make_unique<Name>(*this, host);
    entry->second->ask();
  }
  return {};
}

void Discovery::for_each(const OnChange& visit) const {
  for (const auto& [host, name] : names_) {
    if (!name->addresses().empty()) visit(host, name->addresses());
  }
}

bool Discovery::settled() const {
  return std::all_of(names_.begin(), names_.end(),
                     [](const auto& entry) { return entry.second->answered(); });
}

}  // namespace portcullis::upstream

#include "upstream/discovery.h"

#include <algorithm>

#include "base/say.h"

namespace portcullis::upstream {

// One name: a question on its way, or the time until the next.
class Discovery::Name final : private Timer {
 public:
  Name(Discovery& discovery, std::string host) : discovery_(discovery), host_(std::move(host)) {}

  bool answered() const { return answered_; }
  const Addresses& addresses() const { return addresses_; }

  void ask() {
    discovery_.resolver_->resolve(host_,
                                  [this, alive = std::weak_ptr<int>(alive_)](const Resolver::Answer& answer) {
                                    if (!alive.expired()) take(answer);
                                  });
  }

 private:
  void fire() override { ask(); }

  void take(const Resolver::Answer& answer) {
    answered_ = true;
    const Settings& settings = discovery_.settings_;
    if (answer.addresses.empty()) {
      // Once for each change of the outcome: the log is not to fill while a name server is away.
      if (last_error_ != answer.error) say("cannot resolve " + host_ + ": " + answer.error);
      last_error_ = answer.error;
      discovery_.loop_.arm(*this, settings.least_ttl);
      return;
    }
    last_error_.clear();
    discovery_.loop_.arm(*this, discovery_.pause_after(answer.ttl));
    if (answer.addresses == addresses_) return;
    addresses_ = answer.addresses;
    discovery_.on_change_(host_, addresses_);
  }

  Discovery& discovery_;
  std::string host_;
  Addresses addresses_;
  std::string last_error_;
  bool answered_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // the resolver cannot be told to forget a question
};

Discovery::Discovery(EventLoop& loop, OnChange on_change) : loop_(loop), on_change_(std::move(on_change)) {}
Discovery::~Discovery() = default;

Milliseconds Discovery::pause_after(std::chrono::seconds ttl) {
  const Milliseconds pause =
      std::clamp<Milliseconds>(ttl, settings_.least_ttl, std::max(settings_.least_ttl, settings_.most_ttl));
  // Up to a tenth later, so that the gateways of a cluster, and the names of one, do not ask in step.
  return pause + Milliseconds(random_.below(static_cast<uint64_t>(pause.count() / 10 + 1)));
}

Resolver* Discovery::resolver() {
  if (resolver_) return resolver_.get();
  if (auto made = Resolver::create(loop_, settings_.servers)) resolver_ = std::move(*made);
  return resolver_.get();
}

Status Discovery::watch(const std::set<std::string>& hosts, const Settings& settings) {
  if (!hosts.empty() && (!resolver_ || !(settings == settings_))) {
    auto made = Resolver::create(loop_, settings.servers);
    if (!made) return made.error();
    resolver_ = std::move(*made);
    for (auto& [host, name] : names_) name->ask();  // those asked through the old one get no answer
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

#include "discovery/source.h"

namespace portcullis::discovery {
namespace {

// SRV records (RFC 2782), asked for again when their time to live is over.
class SrvSource final : public Source, private Timer {
 public:
  SrvSource(Environment& environment, const config::Discover& told, OnTargets on_targets)
      : Source(environment, told.describe(), std::move(on_targets)), service_(told.srv) {
    // Not at once: whoever makes this is not ready for an answer yet.
    environment.loop.arm(*this, Milliseconds(0));
  }

 private:
  void fire() override {
    // A resolver that is replaced meanwhile, because the name servers are others now, does not answer.
    environment().loop.arm(*this, Milliseconds(30'000));
    Resolver* const resolver = environment().resolver();
    if (resolver == nullptr) return take({.records = {}, .ttl = {}, .error = "no name server"});
    resolver->resolve_service(
        service_, [this, alive = std::weak_ptr<int>(alive_)](const Resolver::ServiceAnswer& answer) {
          if (!alive.expired()) take(answer);
        });
  }

  void take(const Resolver::ServiceAnswer& answer) {
    environment().loop.arm(*this, environment().pause_after(answer.ttl));
    if (!answer.error.empty()) return fail(answer.error);
    Targets targets;
    for (const Resolver::ServiceRecord& record : answer.records) {
      config::Target target;
      target.address = record.host + ":" + std::to_string(record.port);
      target.priority = record.priority;
      target.weight = std::max<uint64_t>(record.weight, 1);  // 0 is for "hardly ever"
      targets.push_back(std::move(target));
    }
    publish(std::move(targets));
  }

  const std::string service_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // the resolver cannot be told to forget a question
};

}  // namespace

std::unique_ptr<Source> make_srv_source(Environment& environment, const config::Discover& told,
                                        Source::OnTargets on_targets) {
  return std::make_unique<SrvSource>(environment, told, std::move(on_targets));
}

}  // namespace portcullis::discovery

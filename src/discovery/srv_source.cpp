#include "discovery/source.h"

namespace portcullis::discovery {
namespace {

// Targets from SRV records (RFC 2782), which are queried again when their TTL ends.
class SrvSource final : public Source, private Timer {
 public:
  SrvSource(Environment& environment, const config::Discover& told, OnTargets on_targets)
      : Source(environment, told.describe(), std::move(on_targets)), service_(told.srv) {
    // The first query waits for the loop, because the creator of this source is not ready for an answer yet.
    environment.loop.arm(*this, Milliseconds(0));
  }

 private:
  void fire() override {
    // A resolver that is replaced, because the name servers have changed, does not answer; this timer then
    // queries again.
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
      target.weight = std::max<uint64_t>(record.weight, 1);  // RFC 2782: 0 means the lowest possible share
      targets.push_back(std::move(target));
    }
    publish(std::move(targets));
  }

  const std::string service_;
  // Tells callbacks that this object still exists; queries cannot be cancelled.
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace

std::unique_ptr<Source> make_srv_source(Environment& environment, const config::Discover& told,
                                        Source::OnTargets on_targets) {
  return std::make_unique<SrvSource>(environment, told, std::move(on_targets));
}

}  // namespace portcullis::discovery

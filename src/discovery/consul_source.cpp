#include <nlohmann/json.hpp>

#include "base/faults.h"
#include "discovery/source.h"
#include "http/query.h"

namespace portcullis::discovery {
namespace {

using nlohmann::json;

std::string text_at(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

config::Target read_instance(const json& instance) {
  const json& service = instance.at("Service");
  config::Target target;
  std::string host = text_at(service, "Address");
  if (host.empty()) host = text_at(instance.at("Node"), "Address");
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  const auto port = service.at("Port").get<uint16_t>();
  target.address =
      port == 0 ? host : host + ":" + std::to_string(port);  // a port of 0 means that there is none
  if (const auto weights = service.find("Weights"); weights != service.end() && weights->is_object())
    target.weight = std::clamp<uint64_t>(weights->value("Passing", uint64_t{1}), 1, 1000);
  if (const auto meta = service.find("Meta"); meta != service.end() && meta->is_object()) {
    for (const auto& [key, value] : meta->items()) {
      if (value.is_string()) target.metadata.emplace_back(key, value.get<std::string>());
    }
  }
  if (std::string zone = text_at(service.value("Meta", json::object()), "zone"); !zone.empty())
    target.zone = std::move(zone);
  return target;
}

// The instances of a service that pass their health checks, by Consul's blocking queries: an answer arrives
// when the instances change, or after `kWait`.
class ConsulSource final : public Source {
 public:
  ConsulSource(Environment& environment, const config::Discover& told, OnTargets on_targets)
      : Source(environment, told.describe(), std::move(on_targets)), told_(told.consul) {
    tasks_.spawn(run());
  }

 private:
  static constexpr Milliseconds kWait{60'000};

  client::HttpRequest request() const {
    client::HttpRequest out;
    out.url = told_.url + "/v1/health/service/" + http::percent_encode(told_.service) +
              "?passing=1&wait=60s&index=" + index_;
    if (!told_.tag.empty()) out.url += "&tag=" + http::percent_encode(told_.tag);
    if (!told_.datacenter.empty()) out.url += "&dc=" + http::percent_encode(told_.datacenter);
    if (!told_.token.empty()) out.fields.emplace_back("x-consul-token", told_.token);
    use_tls(told_.tls, out);
    out.timeout = kWait + kWait / 16 + Milliseconds(5'000);  // Consul adds up to a sixteenth to the wait
    out.max_bytes = 64 << 20;
    return out;
  }

  Task<void> run() {
    co_await sleep_for(environment().loop, Milliseconds(0));
    for (;;) {
      client::HttpRequest asked = request();
      const client::HttpResponse answer = co_await environment().http.fetch(std::move(asked));
      const std::string problem = problem_of(answer);
      Result<Listing> listing =
          problem.empty() ? read_consul(answer.body, environment().say) : Error{problem};
      if (listing) {
        backoff_.reset();
        // The index can decrease when Consul's state is restored; the query then starts again without an
        // index.
        const std::string index(answer.value_of("x-consul-index"));
        index_ =
            index.size() < index_.size() || (index.size() == index_.size() && index < index_) ? "0" : index;
        publish(std::move(listing->targets));
        if (!index_.empty() && index_ != "0") continue;
      } else {
        fail(listing.error().message);
      }
      const Milliseconds pause = backoff_.next();
      co_await sleep_for(environment().loop, pause);
    }
  }

  const config::Consul told_;
  std::string index_ = "0";
  Backoff backoff_;
  TaskGroup tasks_;
};

}  // namespace

Result<Listing> read_consul(const std::string& body, const Say& say) {
  Listing out;
  const auto leave_out = [&say](const std::string& why) {
    count_fault(Fault::kDiscovery);
    say(Level::kWarning, "discovery, consul: an instance is skipped: " + why);
  };
  const json list = json::parse(body, nullptr, false);
  if (!list.is_array()) return Error{"the answer is not a list"};
  for (const json& instance : list) {
    try {
      config::Target target = read_instance(instance);
      const std::string wrong = config::check_target_address(target.address);
      if (wrong.empty()) {
        out.targets.push_back(std::move(target));
      } else {
        leave_out(wrong);
      }
    } catch (const json::exception& error) {
      leave_out(error.what());
    }
  }
  return out;
}

std::unique_ptr<Source> make_consul_source(Environment& environment, const config::Discover& told,
                                           Source::OnTargets on_targets) {
  return std::make_unique<ConsulSource>(environment, told, std::move(on_targets));
}

}  // namespace portcullis::discovery

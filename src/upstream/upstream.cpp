#include "upstream/upstream.h"

#include "base/hash.h"

namespace portcullis::upstream {

void Connection::Expiry::fire() {
  connection_.drop();
}

void Connection::on_events(uint32_t) {
  // Nobody waits for this stream. In the pool that means hang-up or unasked data; in use, the exchange will
  // read what has come when it is ready to.
  if (!idle_) return;
  // TLS speaks for itself, too: tickets for later sessions come when they will.
  StreamCodec* codec = stream.codec();
  if (codec != nullptr && !stream.hung_up() && !codec->has_data(stream) && codec->is_sound()) return;
  drop();
}

void Connection::drop() {
  --target_.idle_count_;
  unlink();
  delete this;
}

void Target::close_idle() {
  while (!idle_.empty()) delete &idle_.pop_front();
  idle_count_ = 0;
}

void Target::retire() {
  retired_ = true;
  close_idle();
}

std::unique_ptr<Connection> Target::take() {
  if (idle_.empty()) return make_fresh();
  std::unique_ptr<Connection> connection(&idle_.pop_front());
  --idle_count_;
  connection->expiry_.unlink();
  connection->idle_ = false;
  connection->reused_ = true;
  return connection;
}

std::unique_ptr<tls::Session> Target::make_session() {
  std::string name = upstream_.server_name;
  if (name.empty()) {
    const auto* named = std::get_if<HostPort>(&definition_.place);
    name = named != nullptr ? named->host : address_.host();
  }
  return upstream_.tls->make_session(name, session_.get(), &session_);
}

std::unique_ptr<Connection> Target::make_fresh() {
  return std::make_unique<Connection>(loop_, *this);
}

void Target::give_back(std::unique_ptr<Connection> connection) {
  // What has been told of one client is for no other.
  if (upstream_.proxy_protocol != ProxyProtocol::kNone) return;
  if (retired_ || connection->stream.hung_up() || idle_count_ >= kMostIdle ||
      !connection->stream.ensure_watched())
    return;
  Connection& kept = *connection.release();
  kept.idle_ = true;
  loop_.arm(kept.expiry_, upstream_.idle_timeout);
  idle_.push_front(kept);
  ++idle_count_;
}

void Target::note_failure() {
  if (++failures_ < upstream_.failures_to_eject) return;
  failures_ = 0;
  ejected_until_ = loop_.now() + upstream_.ejection;
}

Upstream::Upstream(EventLoop& loop, std::shared_ptr<const UpstreamDefinition> definition, uint64_t seed)
    : loop_(loop), definition_(std::move(definition)), random_state_(seed | 1) {
  for (const TargetDefinition& target : definition_->targets) {
    if (const auto* address = std::get_if<SocketAddress>(&target.place))
      targets_.push_back(std::make_unique<Target>(loop_, *definition_, target, *address));
  }
}

void Upstream::set_addresses(const std::string& host, const Addresses& addresses) {
  std::erase_if(retired_, [](const std::unique_ptr<Target>& target) { return target->in_flight == 0; });
  const auto named = [&](const TargetDefinition& target) {
    const auto* name = std::get_if<HostPort>(&target.place);
    return name != nullptr && name->host == host;
  };
  std::vector<std::unique_ptr<Target>> kept;
  std::vector<std::unique_ptr<Target>> before = std::move(targets_);
  const auto take_over = [&](const TargetDefinition& definition, const SocketAddress* address) {
    bool found = false;
    for (std::unique_ptr<Target>& target : before) {
      if (!target || &target->definition() != &definition) continue;
      if (address != nullptr && !(target->address() == *address)) continue;
      kept.push_back(std::move(target));
      found = true;
    }
    return found;
  };
  for (const TargetDefinition& definition : definition_->targets) {
    if (!named(definition)) {
      take_over(definition, nullptr);
      continue;
    }
    for (SocketAddress address : addresses) {
      address.set_port(std::get<HostPort>(definition.place).port);
      if (!take_over(definition, &address))
        kept.push_back(std::make_unique<Target>(loop_, *definition_, definition, address));
    }
  }
  targets_ = std::move(kept);
  for (std::unique_ptr<Target>& target : before) {
    if (!target) continue;
    target->retire();
    if (target->in_flight > 0) retired_.push_back(std::move(target));
  }
}

uint64_t Upstream::random() {
  random_state_ += 0x9E3779B97F4A7C15ull;
  return hash_mix(random_state_, 0xD6E8FEB86659FD93ull);
}

uint64_t Upstream::bit_of(const Target& target) const {
  for (size_t i = 0; i < targets_.size() && i < 64; ++i) {
    if (targets_[i].get() == &target) return uint64_t{1} << i;
  }
  return 0;
}

bool Upstream::eligible(size_t index, uint64_t tried, bool admit_ejected) const {
  if (index < 64 && (tried >> index & 1)) return false;
  return admit_ejected || !targets_[index]->ejected();
}

Target* Upstream::pick(uint64_t tried) {
  if (targets_.size() <= 1) return targets_.empty() ? nullptr : targets_[0].get();
  // Healthy ones first; with none left, an ejected target is a better guess than a certain error.
  for (const uint64_t excluded : {tried, uint64_t{0}}) {
    for (const bool admit_ejected : {false, true}) {
      Target* target = definition_->balance == Balance::kLeastRequest
                           ? pick_least_request(excluded, admit_ejected)
                           : pick_round_robin(excluded, admit_ejected);
      if (target != nullptr) return target;
    }
  }
  return targets_[0].get();
}

// Smooth weighted round robin: over sum(weights) picks, each target gets its weight, spread evenly.
Target* Upstream::pick_round_robin(uint64_t tried, bool admit_ejected) {
  Target* best = nullptr;
  int64_t total = 0;
  for (size_t i = 0; i < targets_.size(); ++i) {
    if (!eligible(i, tried, admit_ejected)) continue;
    Target& target = *targets_[i];
    target.current_weight += target.definition().weight;
    total += target.definition().weight;
    if (best == nullptr || target.current_weight > best->current_weight) best = &target;
  }
  if (best != nullptr) best->current_weight -= total;
  return best;
}

// The better of two random choices (Mitzenmacher, 2001), by requests in flight for their weight.
Target* Upstream::pick_least_request(uint64_t tried, bool admit_ejected) {
  size_t eligible_count = 0;
  for (size_t i = 0; i < targets_.size(); ++i) eligible_count += eligible(i, tried, admit_ejected);
  if (eligible_count == 0) return nullptr;
  const size_t first = random() % eligible_count;
  size_t second = eligible_count > 1 ? random() % (eligible_count - 1) : 0;
  if (second >= first && eligible_count > 1) ++second;
  Target* a = nullptr;
  Target* b = nullptr;
  for (size_t i = 0, seen = 0; i < targets_.size(); ++i) {
    if (!eligible(i, tried, admit_ejected)) continue;
    if (seen == first) a = targets_[i].get();
    if (seen == second) b = targets_[i].get();
    ++seen;
  }
  if (a == nullptr || b == nullptr) return nullptr;  // cannot be: both are below the count
  const uint64_t load_a = uint64_t{a->in_flight + 1} * b->definition().weight;
  const uint64_t load_b = uint64_t{b->in_flight + 1} * a->definition().weight;
  return load_a <= load_b ? a : b;
}

}  // namespace portcullis::upstream

#include "upstream/upstream.h"

#include "base/hash.h"

namespace portcullis::upstream {

void Connection::Expiry::fire() {
  connection_.drop();
}

void Connection::on_events(uint32_t) {
  // Nobody waits for this stream. In the pool that means hang-up or unasked data; in use, the exchange will
  // read what has come when it is ready to.
  if (idle_) drop();
}

void Connection::drop() {
  --target_.idle_count_;
  unlink();
  delete this;
}

Target::~Target() {
  while (!idle_.empty()) delete &idle_.pop_front();
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

std::unique_ptr<Connection> Target::make_fresh() {
  return std::make_unique<Connection>(loop_, *this);
}

void Target::give_back(std::unique_ptr<Connection> connection) {
  if (connection->stream.hung_up() || idle_count_ >= kMostIdle || !connection->stream.ensure_watched())
    return;
  Connection& kept = *connection.release();
  kept.idle_ = true;
  loop_.arm(kept.expiry_, idle_timeout_);
  idle_.push_front(kept);
  ++idle_count_;
}

void Target::note_failure() {
  if (++failures_ < kFailuresToEject) return;
  failures_ = 0;
  ejected_until_ = loop_.now() + kEjection;
}

Upstream::Upstream(EventLoop& loop, const UpstreamDefinition& definition, uint64_t seed)
    : definition_(definition), random_state_(seed | 1) {
  for (const TargetDefinition& target : definition.targets) {
    targets_.push_back(std::make_unique<Target>(loop, target, definition.idle_timeout));
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

Target& Upstream::pick(uint64_t tried) {
  if (targets_.size() == 1) return *targets_[0];
  // Healthy ones first; with none left, an ejected target is a better guess than a certain error.
  for (const uint64_t excluded : {tried, uint64_t{0}}) {
    for (const bool admit_ejected : {false, true}) {
      Target* target = definition_.balance == Balance::kLeastRequest
                           ? pick_least_request(excluded, admit_ejected)
                           : pick_round_robin(excluded, admit_ejected);
      if (target != nullptr) return *target;
    }
  }
  return *targets_[0];
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
  const uint64_t load_a = uint64_t{a->in_flight + 1} * b->definition().weight;
  const uint64_t load_b = uint64_t{b->in_flight + 1} * a->definition().weight;
  return load_a <= load_b ? a : b;
}

}  // namespace portcullis::upstream

#pragma once

#include <memory>
#include <optional>

#include "policy/policy.h"
#include "proxy/attempts.h"
#include "proxy/exchange_state.h"
#include "proxy/policy_chain.h"
#include "proxy/reply.h"

namespace portcullis::proxy {

struct Rehearsal;
struct ReplayedRequest;

// One request and its response, from the first byte of the request's head to the last byte of the response.
// The exchange calls the parts that do the work. On its worker's thread; owned by the coroutine of the
// client's connection, or of the HTTP/2 stream.
class Exchange final : public Pooled, private policy::Errands {
 public:
  explicit Exchange(Client client);
  // An errand: the request of `original` is sent once more, without a client (see policy::Errands).
  Exchange(Client client, const Exchange& original, const void* sender, const Prepare& prepare);
  // A preview of `original`, which must have its head and outlives the preview (exchange_canary.cpp).
  Exchange(Client client, const Exchange& original);
  // Counts and logs the exchange, in whatever way it has ended.
  ~Exchange();

  // Runs the exchange from the request's head to the end of the response. The result says whether the
  // client's connection persists.
  Task<http::Persistence> run();
  // Runs an errand, beginning with the policies behind the policy that has sent the errand.
  Task<void> run_errand();
  // Finds out what would happen to the request that the client's connection holds: runs the same steps
  // without a target, and without lasting effects. `replayed` is set for a recorded request.
  Task<void> rehearse(policy::Purpose purpose, const ReplayedRequest* replayed, Rehearsal& rehearsal);

 private:
  void note_reached(const Exchange& original, size_t upstream);
  void become_copy(const Exchange& original, size_t upstream, std::string body);
  [[gnu::cold]] Task<bool> choose_revision();
  void tell_of_head();
  Task<bool> is_of_canary(const CanaryChoice& choice);
  void note_head(http::HeadState read);
  [[gnu::cold]] const EndReason& reason_to_refuse(http::HeadState read) const;
  Task<bool> consult_policies();
  Task<bool> consult(const PlacedPolicy& one);
  const Branch& choose_branch();
  http::Persistence persistence_after_answer();

  Task<http::Persistence> forward();
  Task<bool> hold_body(size_t limit);
  Task<TryOutcome> ask_target();
  Task<TryOutcome> receive();
  [[gnu::cold]] Task<TryOutcome> receive_behind_interim();
  Task<TryOutcome> take_final_head();
  std::unique_ptr<http::MessageBody> body_from_target();
  Task<TryOutcome> pass_on();
  TryOutcome conclude(const http::RelayResult& sent, const http::MessageBody& from_target, bool keep_alive);
  [[gnu::cold]] Task<TryOutcome> open_tunnel();
  [[gnu::cold]] TryOutcome take_back(const http::RelayResult& sent, const EndReason& why);
  Task<std::optional<TryOutcome>> settle_response(policy::Decision decision);
  Task<std::optional<policy::Decision>> unless_over(Task<policy::Decision> task);
  Task<TryOutcome> serve_in_place(const http::MessageBody& from_target, bool keep_alive);
  [[gnu::cold]] Task<void> leave_response(http::MessageBody& from_target);
  [[gnu::cold]] Task<http::Persistence> give_up(TryOutcome outcome);

  bool send(const void* sender, const Prepare& prepare) override;
  void send_copy(const void* sender, size_t upstream, std::string body, const Prepare& prepare) override;
  void run(Task<void> task) override;

  ExchangeState state_;
  PolicyChain chain_{state_.context};
  Reply reply_{state_, chain_};
  std::optional<Attempts> attempts_{};  // set when the upstream is chosen
  Rehearsal* rehearsal_ = nullptr;      // null when the exchange is not a rehearsal
  CapturedHead captured_{};             // set while requests are recorded
};

}  // namespace portcullis::proxy

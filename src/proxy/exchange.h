#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "policy/policy.h"
#include "proxy/attempts.h"
#include "proxy/exchange_state.h"
#include "proxy/policy_chain.h"
#include "proxy/reply.h"

namespace portcullis::proxy {

struct Rehearsal;

// One request and its response, from the first byte of the head to the last byte sent: conducts the parts
// that do the work. Lives on its worker's thread, owned by the coroutine of the client's connection, or of
// its stream.
class Exchange final : public Pooled, private policy::Errands {
 public:
  explicit Exchange(Client client);
  // The request of `original` once more, with no client waiting: see policy::Errands.
  Exchange(Client client, const Exchange& original, const void* sender,
           const std::function<void(policy::Context&)>& prepare);
  // Counts what has ended, however it ended.
  ~Exchange();

  // From the head of the request to the end of the response. Says what becomes of the client's connection.
  Task<http::Persistence> run();
  // The same for an errand: from behind the policy that has sent it.
  Task<void> run_errand();
  // What would become of the request that the client's connection holds: the same steps without a target,
  // which leave nothing behind.
  Task<void> rehearse(policy::Purpose purpose, Rehearsal& rehearsal);

 private:
  void note_head(http::HeadState read);
  [[gnu::cold]] const EndReason& reason_to_refuse(http::HeadState read) const;
  void fill_context();
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
  Task<TryOutcome> pass_on();
  [[gnu::cold]] Task<TryOutcome> open_tunnel();
  [[gnu::cold]] TryOutcome take_back(const RelayResult& sent, const EndReason& why);
  Task<std::optional<TryOutcome>> settle_response(policy::Decision decision);
  Task<std::optional<policy::Decision>> unless_over(Task<policy::Decision> task);
  Task<TryOutcome> serve_in_place(const http::MessageBody& from_target, bool keep_alive);
  [[gnu::cold]] Task<void> leave_response(http::MessageBody& from_target);
  [[gnu::cold]] Task<http::Persistence> give_up(TryOutcome outcome);

  bool send(const void* sender, const std::function<void(policy::Context&)>& prepare) override;
  void copy_to(const policy::CopyReceiver& receiver) override;
  void run(Task<void> task) override;

  ExchangeState state_;
  PolicyChain chain_{state_.context};
  Reply reply_{state_, chain_};
  std::optional<Attempts> attempts_{};  // once it is known which upstream is asked
  Rehearsal* rehearsal_ = nullptr;      // null: this is no rehearsal
};

}  // namespace portcullis::proxy

#include "control/revisions/change_service.h"

#include <chrono>
#include <memory>
#include <system_error>
#include <utility>

#include "control/deployment.h"

namespace portcullis::control {

namespace {

bool is_refused_with(int status, const ChangeOutcome& outcome) {
  const auto* const refusal = std::get_if<Refusal>(&outcome);
  return refusal != nullptr && refusal->status == status;
}

// Why a change is refused that was made from a revision which this node cannot serve: when the configuration
// has errors also with the change, these are told beside that.
ChangeOutcome tell_behind(ChangeOutcome outcome, Refusal behind) {
  auto* const refusal = std::get_if<Refusal>(&outcome);
  if (refusal == nullptr || refusal->status != 422) return outcome;
  behind.findings = std::move(refusal->findings);
  return behind;
}

}  // namespace

// Others may be faster, even several times. When the author has seen more than this node has heard of, the
// change is tried again with what others have published.
Task<ChangeOutcome> ChangeService::make(ChangeRequest request) {
  constexpr std::chrono::seconds kTryFor{20};
  const auto end = Clock::now() + kTryFor;
  bool has_asked = request.base && *request.base > publisher_.newest();
  if (has_asked) publisher_.ledger().ask_anew();
  std::optional<ChangeOutcome> overtaken;  // of the try before
  for (;;) {
    Task<CaughtUp> catching = canary_.catch_up();
    CaughtUp caught = co_await catching;
    if (caught.refusal && !publisher_.is_behind()) co_return std::move(*caught.refusal);
    if ((overtaken || has_asked) && !caught.unread.empty())
      co_return Refusal{.status = 503, .title = caught.unread, .retry_later = true};
    if (overtaken && !caught.has_found) co_return std::move(*overtaken);
    if (!request.base) request.changed_meanwhile.merge(caught.changed);
    Task<ChangeOutcome> trying = try_once(request);
    ChangeOutcome outcome = co_await trying;
    // An entity tag that is not that of the object, or a canary, which may have ended.
    const bool is_old =
        is_refused_with(412, outcome) || (is_refused_with(409, outcome) && publisher_.is_in_trial());
    const bool asks = is_old && !std::exchange(has_asked, true);
    if (asks) publisher_.ledger().ask_anew();
    if (caught.refusal) outcome = tell_behind(std::move(outcome), std::move(*caught.refusal));
    const bool is_overtaken = publisher_.was_overtaken();
    if (!(asks || is_overtaken) || Clock::now() > end) {
      destroy_aside(std::move(request));
      co_return outcome;
    }
    overtaken.reset();
    if (is_overtaken) overtaken = std::move(outcome);
  }
}

Task<ChangeOutcome> ChangeService::try_once(ChangeRequest& request) {
  const bool is_derived =
      std::exchange(request.derived_from, std::nullopt) == publisher_.revision() && !publisher_.is_behind();
  if (request.derive && !is_derived) {
    auto edits = request.derive(publisher_.base());
    if (auto* refusal = std::get_if<Refusal>(&edits)) co_return std::move(*refusal);
    request.edits = std::move(std::get<std::vector<Edit>>(edits));
  }
  Task<PreparedChange> preparing = publisher_.prepare(request);
  PreparedChange prepared = co_await preparing;
  if (auto* refusal = std::get_if<Refusal>(&prepared)) co_return std::move(*refusal);
  if (auto* unchanged = std::get_if<Published>(&prepared)) co_return std::move(*unchanged);
  Publication publication = std::move(std::get<Publication>(prepared));
  if (request.max_changed) {
    Task<std::optional<Refusal>> rehearsing = refuse_above(*request.max_changed, publication.config);
    std::optional<Refusal> refusal = co_await rehearsing;
    if (refusal) co_return std::move(*refusal);
  }
  Task<ChangeOutcome> making = request.canary ? canary_.begin(std::move(publication), *request.canary)
                                              : publisher_.put_in_force(std::move(publication));
  co_return co_await making;
}

// To destroy a large change takes long.
void ChangeService::destroy_aside(ChangeRequest request) {
  constexpr size_t kLarge = 500;
  if (request.edits.size() < kLarge || !start_aside()) return;
  auto owned = std::make_shared<const ChangeRequest>(std::move(request));
  aside_->submit([gone = std::move(owned)] {});
}

Task<Result<RehearsalReport>> ChangeService::rehearse(const config::Config& planned) {
  return rehearsals_.rehearse({std::make_shared<const config::Config>(deployment_.config()),
                               std::make_shared<const config::Config>(planned)});
}

// The refusal of a change that more of the recorded requests would notice than its author expects.
Task<std::optional<Refusal>> ChangeService::refuse_above(ChangedBound bound, const config::Config& planned) {
  std::optional<Refusal> out;
  if (!deployment_.config().recorder.enabled) {
    out = Refusal{.status = 409, .title = "`max_changed` needs recorded requests, and `recorder` is off"};
    co_return out;
  }
  Task<Result<RehearsalReport>> rehearsing = rehearse(planned);
  const Result<RehearsalReport> report = co_await rehearsing;
  if (!report) {
    out = Refusal{.status = 503,
                  .title = "the change could not be rehearsed: " + report.error().message,
                  .retry_later = true};
  } else if (bound.is_exceeded(report->changed(), report->replayed())) {
    out = Refusal{.status = 409,
                  .title = std::to_string(report->changed()) + " of " + std::to_string(report->replayed()) +
                           " recorded requests would have another outcome, more than `max_changed` allows"};
    out->members["rehearsal"] = report->tell();
  }
  co_return out;
}

Status ChangeService::start_aside() {
  try {
    if (!aside_) aside_.emplace(1, kMaxWaiting, SidePool::Priority::kLow);
  } catch (const std::system_error& problem) {  // thrown when the system allows no further thread
    return Error{problem.what()};
  }
  return {};
}

// Makes and checks the configuration of a plan on another thread.
Task<Status> ChangeService::check(PlanInHand& in_hand, std::optional<config::Config>& config) {
  if (!in_hand.read) co_return Status();
  const auto reading = std::make_shared<config::Reading>();
  std::function<std::optional<config::Config>()> work = [reading, read = std::move(in_hand.read)] {
    *reading = read();
    return Deployment::try_out(*reading);
  };
  Task<Result<std::optional<config::Config>>> checking =
      run_aside<std::optional<config::Config>>(std::move(work));
  Result<std::optional<config::Config>> checked = co_await checking;
  in_hand.reading = std::move(*reading);
  if (!checked) co_return checked.error();
  config = std::move(*checked);
  co_return Status();
}

Task<PlannedChange> ChangeService::plan(ChangeRequest request) {
  PlannedChange out;
  PlanInHand in_hand = publisher_.begin_plan(request);
  std::optional<config::Config> config;
  Task<Status> checking = check(in_hand, config);
  const Status checked = co_await checking;
  if (!checked) {
    out.plan.refusal = Refusal{.status = 503, .title = checked.error().message, .retry_later = true};
    co_return out;
  }
  out.plan = publisher_.end_plan(std::move(in_hand), request, std::move(config));
  if (!out.plan.config || !deployment_.config().recorder.enabled) co_return out;
  Task<Result<RehearsalReport>> rehearsing = rehearse(*out.plan.config);
  const Result<RehearsalReport> report = co_await rehearsing;
  if (report) {
    out.rehearsal = report->tell();
  } else {
    out.plan.findings.push_back({.severity = config::Severity::kWarning,
                                 .message = "the change could not be rehearsed: " + report.error().message});
  }
  co_return out;
}

void ChangeService::stop() {
  if (aside_) aside_->stop();
  publisher_.stop();
  rehearsals_.stop();
}

}  // namespace portcullis::control

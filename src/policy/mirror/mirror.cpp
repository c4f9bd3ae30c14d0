#include "policy/mirror/mirror.h"

#include <utility>

#include "http/read_body.h"
#include "policy/condition.h"
#include "policy/mirror/copies.h"
#include "policy/sampler.h"
#include "policy/services.h"
#include "runtime/deadline.h"
#include "runtime/frame_pool.h"

namespace portcullis::policy::mirror {
namespace {

struct Settings {
  std::string upstream;
  config::Location upstream_location;
  uint64_t share = 100;  // percent
  std::string when;
  uint64_t body_size = 64 * 1024;
  uint64_t concurrent = 100;
};

constexpr const char* kCopies = "mirrored_requests_total";
constexpr const char* kCopiesHelp =
    "Copies of requests that mirror policies made, by upstream that gets the copies and outcome (answered, "
    "failed, or dropped: too many copies at once, or the body was too large).";

telemetry::MetricCounter copies(telemetry::MetricSet& metrics, const std::string& upstream,
                                const char* outcome) {
  return metrics.counter(kCopies, kCopiesHelp, {{"upstream", upstream}, {"outcome", outcome}});
}

// What the policy keeps of an exchange: of a request that is copied, or of a copy.
struct Visit {
  std::string body;           // the body of the request, when it is whole
  bool is_too_large = false;  // the body is larger than `body_size`, and is not kept
  bool is_whole = false;      // the whole request has been sent
  bool has_response = false;  // a target to which the request was sent has answered, or has failed
  bool has_copy = false;      // the copy has been sent or dropped
  bool is_copy = false;       // the exchange is the copy's
  bool is_answered = false;   // the whole response to the copy has arrived
};

class Mirror final : public Policy {
 public:
  Mirror(const Settings& settings, const BuildContext& build)
      : settings_(settings),
        when_(settings.when),
        sampler_(build.workers),
        in_progress_(build.services.get<Copies>().in_progress(settings.upstream)),
        answered_(copies(build.metrics, settings.upstream, "answered")),
        failed_(copies(build.metrics, settings.upstream, "failed")),
        dropped_(copies(build.metrics, settings.upstream, "dropped")) {
    while (build.config.upstreams[upstream_].name != settings.upstream) ++upstream_;
  }

  Decision on_request(Context& context) const override {
    if (!when_.holds(context) || !sampler_.picks(context, settings_.share) || context.errands == nullptr ||
        context.request.wants_upgrade)
      return Decision::proceed();
    Visit& visit = context.keep_new<Visit>(this);
    context.request_body.stages.observe([this, &context, &visit](std::unique_ptr<http::BodySource> body) {
      return std::make_unique<Tee>(std::move(body), *this, context, visit);
    });
    return Decision::proceed();
  }

  Decision on_response(Context& context) const override {
    Visit* const visit = context.kept<Visit>(this);
    if (visit == nullptr) return Decision::proceed();
    if (visit->is_copy)
      return context.from_target ? Decision::suspend(drop(context, *visit)) : Decision::proceed();
    visit->has_response = context.was_sent;
    visit->is_whole |= context.request.body.kind == http::BodyKind::kNone;
    send_if_ready(context, *visit);
    return Decision::proceed();
  }

  bool watches_end() const override { return true; }
  void on_end(Context& context) const override {
    const Visit* const visit = context.kept<Visit>(this);
    if (visit == nullptr || !visit->is_copy) return;
    in_progress_.fetch_sub(1, std::memory_order_relaxed);
    (visit->is_answered ? answered_ : failed_).add(context.worker);
  }

  void add_reads(RequestReads& reads) const override { when_.add_reads(reads, RequestReads::Use::kCopied); }
  void add_owned_fields(OwnedFields& fields) const override { when_.add_read_fields(fields); }

  Notes explain(Context& context, const Decision&) const override {
    if (!when_.holds(context)) return {"does not apply to this request"};
    return {"would send a copy of " + std::to_string(settings_.share) + "% to `" + settings_.upstream + "`"};
  }

 private:
  // Copies the body of a request while a target gets it. Several targets may get the body at the same time:
  // the first copy that is whole is kept.
  class Tee final : public http::BodyStage, public Pooled {
   public:
    Tee(std::unique_ptr<http::BodySource> from, const Mirror& mirror, Context& context, Visit& visit)
        : BodyStage(std::move(from)), mirror_(mirror), context_(context), visit_(visit) {
      const http::BodyFraming& body = context.request.body;
      is_too_large_ = body.has_length() && body.length > mirror.settings_.body_size;
    }

    State next(http::BodyPart& part) override {
      const State state = from().next(part);
      if (state != State::kPart || visit_.is_whole) return state;
      if (part.size > mirror_.settings_.body_size - copy_.size()) is_too_large_ = true;
      if (is_too_large_) {
        copy_ = {};
      } else {
        for (const iovec& run : part.runs.pieces()) copy_ += http::text_of(run);
      }
      if (!part.last) return state;
      visit_.body = std::move(copy_);
      visit_.is_too_large = is_too_large_;
      visit_.is_whole = true;
      mirror_.send_if_ready(context_, visit_);
      return state;
    }

   private:
    const Mirror& mirror_;
    Context& context_;
    Visit& visit_;
    std::string copy_;
    bool is_too_large_;
  };

  // Sends the copy when the whole request has been sent, and a target has answered it or has failed.
  void send_if_ready(Context& context, Visit& visit) const {
    if (!visit.is_whole || !visit.has_response || std::exchange(visit.has_copy, true)) return;
    if (visit.is_too_large || !take_place()) return dropped_.add(context.worker);
    context.errands->send_copy(this, upstream_, std::move(visit.body), [this](Context& copy) {
      copy.keep_new<Visit>(this).is_copy = true;
      copy.request.fields.add("x-mirrored", "true", http::FieldId::kXMirrored);
    });
  }

  bool take_place() const {
    if (in_progress_.fetch_add(1, std::memory_order_relaxed) < settings_.concurrent) return true;
    in_progress_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }

  // Reads the response to a copy, for as long as the upstream may take for a response, and drops it.
  static Task<Decision> drop(Context& context, Visit& visit) {
    const ResponseBody::Released response = context.response_body.release();
    const Deadline limit(context.loop, response.timeout, [&response] { response.body->cancel(); });
    Task<bool> discarding = http::discard_body(*response.body);
    visit.is_answered = co_await discarding;
    co_return Decision::proceed();
  }

  Settings settings_;
  Condition when_;
  Sampler sampler_;
  size_t upstream_ = 0;  // index into the upstreams of the configuration
  std::atomic<uint32_t>& in_progress_;
  telemetry::MetricCounter answered_;
  telemetry::MetricCounter failed_;
  telemetry::MetricCounter dropped_;
};

}  // namespace

Kind kind() {
  auto type = std::make_shared<config::ObjectType<Settings>>(
      "mirror",
      "Sends copies of a share of the requests, as the targets of the route get them, to another upstream, "
      "and drops the responses to the copies. A copy never delays or changes the request of the client.");
  type->required("upstream", &Settings::upstream, config::text("orders-next"),
                 "The name of the upstream that gets the copies.")
      .locate_last(&Settings::upstream_location)
      .optional("share", &Settings::share, config::percent(), "Share of the requests that is copied.")
      .optional("when", &Settings::when, Condition::type(),
                "A condition for the requests that may be copied, such as `request.method in [GET, HEAD]`.")
      .default_in_words("every request")
      .optional("body_size", &Settings::body_size, config::size(),
                "Max size of the body of a copied request; requests with a larger body are not copied.")
      .optional("concurrent", &Settings::concurrent, config::integer(1, 1'000'000),
                "Max number of copies at once; further ones are dropped and counted.");
  Kind kind = make_kind<Settings, Mirror>("mirror", type,
                                          [](const config::PolicyUse&, const Settings& settings,
                                             const config::Config& config, config::Diagnostics& diagnostics) {
                                            std::vector<std::string_view> known;
                                            for (const config::Upstream& one : config.upstreams)
                                              known.push_back(one.name);
                                            diagnostics.refuse_unknown("upstream", settings.upstream, known,
                                                                       settings.upstream_location);
                                          });
  kind.declare_metrics = [](telemetry::MetricSet& metrics) {
    metrics.declare(telemetry::MetricSet::Type::kCounter, kCopies, kCopiesHelp);
  };
  return with_insight<Settings>(std::move(kind), [](const Settings& settings, const config::PolicyUse& use) {
    Insight out;
    out.add_reads(Condition(settings.when).caller_reads(), use.location);
    return out;
  });
}

}  // namespace portcullis::policy::mirror

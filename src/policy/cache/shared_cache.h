#pragma once

#include <optional>
#include <string_view>

#include "policy/cache/answer.h"
#include "policy/cache/engine.h"
#include "policy/cache/metrics.h"
#include "policy/cache/settings.h"
#include "policy/cache/visit.h"
#include "policy/condition.h"
#include "policy/policy.h"
#include "policy/template.h"

namespace portcullis::policy::cache {

// The cache of one route, or of all routes. The responses are in the store that all caches share.
//
// A request is answered with a stored response, or waits for the fetch of another request, or fetches the
// response itself (fetch.cpp) and then reports the outcome to the store. response.cpp handles the response of
// a fetch.
class SharedCache final : public Policy {
 public:
  SharedCache(const CacheSettings& settings, const BuildContext& build);

  Decision on_request(Context& context) const override;
  Decision on_response(Context& context) const override;
  void on_end(Context& context) const override;
  bool watches_end() const override { return true; }
  void add_owned_fields(OwnedFields& fields) const override {
    key_.add_read_fields(fields);
    when_.add_read_fields(fields);
  }
  Notes explain(Context& context, const Decision& decision) const override;

 private:
  // The next step of a request: use the decision, wait for the fetch of another request, or look in the store
  // again.
  enum class Next : uint8_t { kDecided, kWaits, kLooksAgain };
  struct Step {
    Decision decision;
    Next next = Next::kDecided;
  };
  // Whether a stored response may be sent without asking the upstream first.
  enum class Use : uint8_t { kYes, kWhileRevalidating, kNo };

  bool takes_part(Context& context, CacheVisit& visit) const;
  void make_key(Context& context, CacheVisit& visit) const;
  std::string_view query_of(Context& context) const;
  std::optional<Decision> find_stored(Context& context, CacheVisit& visit,
                                      const engine::Store::Found& found) const;
  Decision foresee(Context& context, CacheVisit& visit) const;
  Step step(Context& context, CacheVisit& visit) const;
  Step fetch(Context& context, CacheVisit& visit, const engine::Store::Found& found) const;
  Step begin(Context& context, CacheVisit& visit, std::shared_ptr<engine::Fetch> fetch) const;
  Task<Decision> follow(Context& context, CacheVisit& visit, Step now) const;
  Task<Step> join(Context& context, CacheVisit& visit) const;
  Task<bool> confirm(Context& context, CacheVisit& visit) const;
  Decision share_failure(Context& context, CacheVisit& visit) const;
  Use may_use(const engine::Entry& entry, const CacheVisit& visit, engine::Time moment) const;
  Decision serve(Context& context, CacheVisit& visit, engine::EntryPointer entry, Served served,
                 std::string_view outcome, engine::Time moment) const;
  void refresh(Context& context, const CacheVisit& visit) const;
  bool fetch_in_background(Context& context, const CacheVisit& visit,
                           std::shared_ptr<engine::Fetch> fetch) const;
  void ask_upstream(Context& context, CacheVisit& visit) const;

  // The functions below handle the response; response.cpp defines them.
  void settle(Context& context, CacheVisit& visit) const;
  static void restore(Context& context, const CacheVisit& visit);
  bool may_serve_on_error(const engine::Entry& entry, engine::Time moment) const;
  void settle_failure(Context& context, CacheVisit& visit) const;
  void settle_validated(Context& context, CacheVisit& visit) const;
  bool keep(Context& context, CacheVisit& visit) const;
  void keep_from_sharing(Context& context, CacheVisit& visit) const;
  void invalidate(Context& context, const CacheVisit& visit) const;
  std::shared_ptr<engine::Entry> make_entry(Context& context, const CacheVisit& visit,
                                            const http::ResponseHead& response,
                                            const http::Fields& fields) const;
  std::optional<std::chrono::milliseconds> told_lifetime(uint16_t status) const;
  http::CacheControl read_control(const http::Fields& response, bool& targeted) const;

  CacheSettings settings_;
  engine::Store& store_;
  Template key_;
  bool keyed_by_caller_ = false;
  Condition when_;
  CacheCounters counters_;
};

}  // namespace portcullis::policy::cache

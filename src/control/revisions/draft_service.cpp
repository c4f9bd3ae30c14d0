#include "control/revisions/draft_service.h"

#include <functional>
#include <utility>

#include "base/wall_clock.h"
#include "config/labels.h"
#include "control/revisions/label_check.h"
#include "control/revisions/secret_places.h"

namespace portcullis::control {
namespace {

Refusal draft_store_away(const Error& error) {
  return {.status = 503, .title = error.message, .retry_later = true};
}

Refusal no_draft(const std::string& name) {
  return {.status = 404, .title = "there is no draft `" + name + "`"};
}

Refusal written_meanwhile(const std::string& name) {
  return {.status = 409, .title = "another write has changed the draft `" + name + "` meanwhile: try again"};
}

}  // namespace

Task<DraftService::Opened> DraftService::open(std::string name) {
  Task<Result<std::optional<KeptDraft>>> reading = keeper_->read(name);
  Result<std::optional<KeptDraft>> kept = co_await reading;
  if (!kept) co_return draft_store_away(kept.error());
  if (!*kept) co_return SeenDraft{};
  if (!(*kept)->fault.empty()) co_return Unreadable{(*kept)->fault + "; it can be deleted", (*kept)->version};
  std::function<std::optional<ObjectsDraft>()> work = [text = std::move((*kept)->text)] {
    return draft_of(text);
  };
  Task<Result<std::optional<ObjectsDraft>>> parsing =
      changes_.run_aside<std::optional<ObjectsDraft>>(std::move(work));
  Result<std::optional<ObjectsDraft>> draft = co_await parsing;
  if (!draft) co_return draft_store_away(draft.error());
  if (!*draft)
    co_return Unreadable{"the draft `" + name +
                             "` was written by another version, which knows more kinds of objects: delete "
                             "it, or use that version",
                         (*kept)->version};
  co_return SeenDraft{std::move(**draft), (*kept)->version};
}

Task<DraftService::Found> DraftService::read(std::string name) {
  Task<Opened> opening = open(std::move(name));
  Opened opened = co_await opening;
  if (auto* const unreadable = std::get_if<Unreadable>(&opened))
    co_return Refusal{.status = 409, .title = std::move(unreadable->why)};
  if (auto* const refusal = std::get_if<Refusal>(&opened)) co_return std::move(*refusal);
  co_return std::move(std::get<SeenDraft>(opened));
}

Task<DraftService::Found> DraftService::find(std::string name) {
  Task<Found> reading = read(name);
  Found found = co_await reading;
  const auto* const seen = std::get_if<SeenDraft>(&found);
  if (seen != nullptr && seen->version == 0) co_return no_draft(name);
  co_return found;
}

Task<DraftService::All> DraftService::all() {
  Task<Result<std::vector<std::string>>> listing = keeper_->names();
  const Result<std::vector<std::string>> names = co_await listing;
  if (!names) co_return draft_store_away(names.error());
  std::vector<std::pair<std::string, ObjectsDraft>> out;
  for (const std::string& name : *names) {
    Task<Found> reading = read(name);
    Found found = co_await reading;
    if (auto* refusal = std::get_if<Refusal>(&found); refusal != nullptr && refusal->retry_later)
      co_return std::move(*refusal);
    auto* const seen = std::get_if<SeenDraft>(&found);
    if (seen == nullptr) out.emplace_back(name, ObjectsDraft{});
    if (seen != nullptr && seen->version != 0) out.emplace_back(name, std::move(seen->draft));
  }
  co_return out;
}

// Takes the objects of resets out of the draft.
std::optional<Refusal> DraftService::reset(ObjectsDraft& draft, const ChangeRequest& request) const {
  const LiveObjects& live = publisher().live();
  Resolved change;
  for (const Edit& edit : request.edits) {
    if (edit.what != Edit::What::kReset || !draft.objects.contains(edit.id)) continue;
    const LiveObjects::Entry* const entry = live.find(edit.id);
    change.touched.push_back(edit.id);
    change.after.push_back(entry == nullptr ? nullptr : entry->object);
  }
  if (change.touched.empty()) return std::nullopt;
  if (!request.labels.empty()) {
    if (auto refusal = refuse_labels(request.labels, with_draft(live, draft), change)) return refusal;
  }
  for (const ObjectId& id : change.touched) draft.objects.erase(id);
  return std::nullopt;
}

std::optional<Refusal> DraftService::apply(ObjectsDraft& draft, const ChangeRequest& request) const {
  const LiveObjects& live = publisher().live();
  if (auto refusal = reset(draft, request)) return refusal;
  const LiveObjects before = with_draft(live, draft);
  std::vector<Edit> edits = request.edits;
  std::erase_if(edits, [](const Edit& one) { return one.what == Edit::What::kReset; });
  if (request.derive) {
    auto derived = request.derive(before);
    if (auto* refusal = std::get_if<Refusal>(&derived)) return std::move(*refusal);
    edits = std::move(std::get<std::vector<Edit>>(derived));
  }
  auto tried = resolve(before, edits, [this](const config::Object& one) { return publisher().tag_of(one); });
  if (auto* refusal = std::get_if<Refusal>(&tried)) return std::move(*refusal);
  Resolved change = std::move(std::get<Resolved>(tried));
  if (!request.labels.empty()) {
    if (auto refusal = refuse_labels(request.labels, before, change)) return refusal;
  }
  // Objects that have not been loaded: what is secret in them is looked for.
  std::vector<ObjectPointer> written;
  for (const ObjectPointer& one : change.after) {
    if (one != nullptr) written.push_back(one);
  }
  written = with_secrets(written);
  size_t next = 0;
  for (ObjectPointer& one : change.after) {
    if (one != nullptr) one = written[next++];
  }
  write_into(draft, change, live);
  // An object that was written again is compared with what is in force now.
  for (const Edit& edit : edits) {
    const auto known = draft.objects.find(edit.id);
    if (known == draft.objects.end()) continue;
    const LiveObjects::Entry* const entry = live.find(edit.id);
    known->second.base = entry == nullptr ? nullptr : entry->object;
  }
  return std::nullopt;
}

Task<DraftService::Found> DraftService::try_change(std::string name, const ChangeRequest& request) {
  Task<Found> reading = read(name);
  Found found = co_await reading;
  auto* const seen = std::get_if<SeenDraft>(&found);
  if (seen == nullptr) co_return found;
  if (auto refusal = apply(seen->draft, request)) co_return std::move(*refusal);
  co_return found;
}

Task<DraftService::Written> DraftService::write(std::string name, const SeenDraft& seen) {
  std::function<std::string()> work = [draft = seen.draft] { return text_of(draft); };
  Task<Result<std::string>> making = changes_.run_aside<std::string>(std::move(work));
  Result<std::string> text = co_await making;
  if (!text) co_return draft_store_away(text.error());
  if (text->size() > DraftKeeper::kMaxBytes)
    co_return Refusal{.status = 413,
                      .title = "the draft `" + name + "` would be larger than " +
                               std::to_string(DraftKeeper::kMaxBytes >> 20) +
                               " MiB: publish what it has first"};
  Task<Result<DraftKeeper::Outcome>> writing =
      keeper_->write(std::move(name), std::move(*text), seen.version);
  const Result<DraftKeeper::Outcome> written = co_await writing;
  if (!written) co_return draft_store_away(written.error());
  co_return *written;
}

Task<DraftService::Found> DraftService::change(std::string name, ChangeRequest request) {
  static constexpr int kMaxTries = 5;
  if (!config::is_label(name))
    co_return Refusal{.status = 422,
                      .title = "the name of a draft has 1 to 63 letters, digits, `.`, `_` and `-`"};
  for (int tries = 0; tries < kMaxTries; ++tries) {
    Task<Found> trying = try_change(name, request);
    Found found = co_await trying;
    auto* const seen = std::get_if<SeenDraft>(&found);
    if (seen == nullptr) co_return found;
    if (seen->version == 0) {
      seen->draft.author = request.author;
      seen->draft.time = current_second();
    }
    seen->draft.changed_by = request.author;
    seen->draft.changed = current_second();
    Task<Written> writing = write(name, *seen);
    Written written = co_await writing;
    if (auto* refusal = std::get_if<Refusal>(&written)) co_return std::move(*refusal);
    const DraftKeeper::Outcome outcome = std::get<DraftKeeper::Outcome>(written);
    if (outcome == DraftKeeper::Outcome::kDone) co_return found;
    if (outcome == DraftKeeper::Outcome::kTooMany)
      co_return Refusal{.status = 409,
                        .title = "there are " + std::to_string(DraftKeeper::kMaxDrafts) +
                                 " drafts already: publish or delete one of them first"};
  }
  co_return written_meanwhile(name);
}

// The version of the draft that may be deleted. What a draft that cannot be read has is not known, so only an
// author for whom labels do not matter may delete it.
std::variant<uint64_t, Refusal> DraftService::may_remove(Opened opened, const std::string& name,
                                                         const ChangeRequest& by) const {
  if (auto* const refusal = std::get_if<Refusal>(&opened)) return std::move(*refusal);
  if (const auto* const unreadable = std::get_if<Unreadable>(&opened)) {
    if (by.labels.empty()) return unreadable->version;
    return Refusal{
        .status = 403,
        .title = "the draft `" + name +
                 "` cannot be read, so a token with labels may not delete it: use a token without"};
  }
  const SeenDraft& seen = std::get<SeenDraft>(opened);
  if (seen.version == 0) return no_draft(name);
  Resolved change;
  for (const auto& [id, one] : seen.draft.objects) {
    change.touched.push_back(id);
    change.after.push_back(one.draft);
  }
  if (!by.labels.empty()) {
    if (auto refusal = refuse_labels(by.labels, publisher().live(), change)) return std::move(*refusal);
  }
  return seen.version;
}

Task<std::optional<Refusal>> DraftService::remove(std::string name, std::optional<uint64_t> version,
                                                  ChangeRequest by) {
  std::optional<Refusal> out;
  if (!version) {
    Task<Opened> opening = open(name);
    Opened opened = co_await opening;
    auto allowed = may_remove(std::move(opened), name, by);
    if (auto* const refusal = std::get_if<Refusal>(&allowed)) {
      out = std::move(*refusal);
      co_return out;
    }
    version = std::get<uint64_t>(allowed);
  }
  Task<Result<DraftKeeper::Outcome>> removing = keeper_->remove(name, *version);
  const Result<DraftKeeper::Outcome> removed = co_await removing;
  if (!removed) {
    out = draft_store_away(removed.error());
  } else if (*removed != DraftKeeper::Outcome::kDone) {
    out = written_meanwhile(name);
  }
  co_return out;
}

}  // namespace portcullis::control

#include "control/revisions/publisher.h"

#include <algorithm>
#include <functional>
#include <system_error>
#include <utility>

#include "base/wall_clock.h"
#include "config/store.h"
#include "control/deployment.h"
#include "control/revisions/findings.h"
#include "control/revisions/label_check.h"
#include "control/revisions/secret_places.h"

namespace portcullis::control {
namespace {

// What objects of the API may refer to on the node with these settings.
config::MayRefer references_in(const config::YamlNode& settings) {
  config::Store store;
  store.references = config::references_of(settings);
  return [store](std::string_view name) { return store.may_refer(name); };
}

}  // namespace

Publisher::Publisher(EventLoop& loop, Deployment& deployment) : loop_(loop), deployment_(deployment) {}

Publisher::~Publisher() = default;

uint64_t Publisher::revision() const {
  return deployment_.revision();
}

std::optional<config::Config> Publisher::check_with(const std::vector<ObjectPointer>& of_api,
                                                    config::Reading& reading) {
  reading.wants_objects = true;
  if (reading.document) {
    const config::MayRefer may_refer = references_in(*reading.document);
    reading.diagnostics.allow_files(may_refer);
    config::add_objects(*reading.document, of_api, may_refer, reading.diagnostics);
  }
  return deployment_.check(reading);
}

// Takes what the check of files needs, so that it can be made on another thread.
Publisher::ToJoin Publisher::begin_check(config::Reading reading) {
  ToJoin out{.reading = std::move(reading),
             .newest = newer_ ? newer_->live.of_api() : live_.of_api(),
             .from = deployment_.snapshot() == nullptr ? 0 : deployment_.revision()};
  if (newer_ && out.reading.document && ledger_->holds() == Ledger::Holds::kApiOnly)
    out.in_force = live_.of_api();
  return out;
}

Publisher::Joined Publisher::join(ToJoin files) {
  Joined out;
  Checked& checked = out.checked;
  checked.from = files.from;
  if (!files.in_force) {
    checked.reading = std::move(files.reading);
    checked.config = check_with(files.newest, checked.reading);
    return out;
  }
  checked.reading = files.reading;
  checked.reading.document = std::make_shared<config::YamlNode>(*files.reading.document);
  checked.config = check_with(files.newest, checked.reading);
  if (checked.config) return out;
  std::string why = first_error(checked.reading.diagnostics).message;
  checked.reading = std::move(files.reading);
  checked.config = check_with(*files.in_force, checked.reading);
  if (checked.config) out.newest_refused = std::move(why);
  return out;
}

Publisher::Checked Publisher::settle(Joined joined) {
  if (joined.newest_refused && newer_) {
    note_refused(newer_->head.in_force.number, *joined.newest_refused);
    newer_.reset();
  }
  return std::move(joined.checked);
}

Publisher::Checked Publisher::check(config::Reading reading) {
  return settle(join(begin_check(std::move(reading))));
}

Task<Publisher::Checked> Publisher::check_aside(config::Reading reading) {
  std::function<std::shared_ptr<Joined>()> work =
      [this, files = std::make_shared<ToJoin>(begin_check(std::move(reading)))] {
        return std::make_shared<Joined>(join(std::move(*files)));
      };
  Task<std::shared_ptr<Joined>> joining = run_aside<Joined>(std::move(work));
  const std::shared_ptr<Joined> joined = co_await joining;
  co_return joined ? settle(std::move(*joined)) : Checked();
}

uint64_t Publisher::newest() const {
  return std::max(is_behind_ ? newer_->head.newest : known_.newest, deployment_.revision());
}

Task<std::optional<Status>> Publisher::publish_certificates() {
  return deployment_.publish_certificates();
}

std::string Publisher::tag_of(const config::Object& object) const {
  return "\"" + store().digest_of(stored_form_of(object)) + "\"";
}

std::function<config::Reading()> Publisher::reading_with(std::vector<ObjectPointer> objects) const {
  return [settings = live_.document().settings, files = live_.of_files(), of_api = std::move(objects)] {
    config::Reading reading;
    reading.wants_objects = true;
    reading.document = config::document_of(*settings, files);
    const config::MayRefer may_refer = references_in(*settings);
    reading.diagnostics.allow_files(may_refer);
    config::add_objects(*reading.document, of_api, may_refer, reading.diagnostics);
    return reading;
  };
}

namespace {

Extent extent_of(const std::vector<ObjectId>& touched) {
  const bool only_routing = std::all_of(touched.begin(), touched.end(), [](const ObjectId& id) {
    return id.kind->key == "routes" || id.kind->key == "upstreams" || id.kind->key == "policy_sets" ||
           id.kind->key == "errors";
  });
  return only_routing ? Extent::kRouting : Extent::kWhole;
}

Refusal refuse_changed(uint64_t base, nlohmann::json objects) {
  Refusal out{.status = 409,
              .title = "objects of this change have changed since revision " + std::to_string(base)};
  out.members["objects"] = std::move(objects);
  return out;
}

}  // namespace

// An object of this change that others have changed before this node could show it is a conflict, unless the
// author says which state it has seen.
std::optional<Refusal> Publisher::check_meanwhile(const ChangeRequest& request, const Resolved& resolved) {
  nlohmann::json objects = nlohmann::json::array();
  for (size_t i = 0; i < resolved.touched.size(); ++i) {
    const ObjectId& id = resolved.touched[i];
    const Edit* const edit = resolved.edit_of[i];
    const std::vector<std::string>& tags = edit->preconditions.if_match;
    const bool was_seen = !tags.empty() && tags.front() != "*";
    if (!was_seen && request.changed_meanwhile.contains(id))
      objects.push_back({{"kind", id.kind->word()}, {"name", id.name}});
  }
  if (objects.empty()) return std::nullopt;
  Refusal out{.status = 409, .title = "others have changed objects of this change meanwhile"};
  out.members["objects"] = std::move(objects);
  return out;
}

// An object of this change that others have changed since `base` is a conflict.
std::optional<Refusal> Publisher::check_base(const ChangeRequest& request, const Resolved& resolved) const {
  if (!request.base) return std::nullopt;
  if (*request.base > newest()) {
    const std::string title = "there is no revision " + std::to_string(*request.base);
    return Refusal{.status = 422, .title = title, .findings = {{.path = "/base", .message = title}}};
  }
  nlohmann::json objects = nlohmann::json::array();
  for (const ObjectId& id : resolved.touched) {
    const LiveObjects::Entry* const entry = base().find(id);
    if (entry != nullptr && entry->revision > *request.base)
      objects.push_back({{"kind", id.kind->word()}, {"name", id.name}});
  }
  if (objects.empty()) return std::nullopt;
  return refuse_changed(*request.base, std::move(objects));
}

// As check_base(), for objects that are not there any more. Those of a revision that has expired are not
// known.
Task<std::optional<Refusal>> Publisher::check_deleted(const ChangeRequest& request,
                                                      const Resolved& resolved) {
  std::optional<Refusal> out;
  std::vector<ObjectId> absent;
  std::copy_if(resolved.touched.begin(), resolved.touched.end(), std::back_inserter(absent),
               [this](const ObjectId& id) { return base().find(id) == nullptr; });
  const bool is_newest = !is_behind_ && request.base == deployment_.revision();
  if (!request.base || absent.empty() || is_newest) co_return out;
  std::function<Result<std::vector<ObjectId>>(store::Store&)> read =
      [absent, base = *request.base](store::Store& store) -> Result<std::vector<ObjectId>> {
    std::vector<ObjectId> deleted;
    for (const ObjectId& id : absent) {
      const auto found = store.object(base, {std::string(id.kind->key), id.name});
      if (!found) return found.error();
      if (std::holds_alternative<store::StoredObject>(*found)) deleted.push_back(id);
    }
    return deleted;
  };
  Task<Result<std::vector<ObjectId>>> reading = store().ask<std::vector<ObjectId>>(std::move(read));
  const Result<std::vector<ObjectId>> deleted = co_await reading;
  if (!deleted) {
    out = Refusal{.status = 503, .title = deleted.error().message, .retry_later = true};
  } else if (!deleted->empty()) {
    nlohmann::json objects = nlohmann::json::array();
    for (const ObjectId& id : *deleted) objects.push_back({{"kind", id.kind->word()}, {"name", id.name}});
    out = refuse_changed(*request.base, std::move(objects));
  }
  co_return out;
}

std::optional<Refusal> Publisher::check_labels(const config::TextMap& labels,
                                               const Resolved& resolved) const {
  return refuse_labels(labels, base(), resolved);
}

std::optional<Refusal> Publisher::refuse(const ChangeRequest& request, const Resolved& resolved) const {
  if (!request.labels.empty()) {
    if (auto refusal = check_labels(request.labels, resolved)) return refusal;
  }
  if (auto refusal = check_meanwhile(request, resolved)) return refusal;
  return check_base(request, resolved);
}

std::vector<Finding> Publisher::findings_of(const config::Diagnostics& diagnostics,
                                            const Resolved& resolved) const {
  return find_objects(diagnostics.sorted(), live_, resolved);
}

// The refusal of a change after which the configuration has errors.
Refusal Publisher::refusal_of(std::vector<Finding> findings, const ChangeRequest& request,
                              const Resolved& resolved) const {
  std::erase_if(findings, [](const Finding& one) { return one.severity != config::Severity::kError; });
  const bool only_deletes = std::all_of(resolved.edit_of.begin(), resolved.edit_of.end(),
                                        [](const Edit* edit) { return edit->what == Edit::What::kDelete; });
  Refusal out{.status = only_deletes ? 409 : request.misfit_status,
              .title = findings.empty() ? "the configuration has errors" : findings.front().message,
              .findings = std::move(findings)};
  if (only_deletes) {
    nlohmann::json referred_by = nlohmann::json::array();
    for (const Finding& one : out.findings) {
      if (!one.object) continue;
      nlohmann::json by{{"kind", one.object->kind->word()}, {"name", one.object->name}};
      if (std::find(referred_by.begin(), referred_by.end(), by) == referred_by.end())
        referred_by.push_back(std::move(by));
    }
    out.members["referred_by"] = std::move(referred_by);
  }
  return out;
}

// Reads and checks on another thread, because that takes seconds for a large configuration. Called from the
// queue of ConfigService, so nothing else uses the state of the deployment that a check changes.
template <typename T>
Task<std::shared_ptr<T>> Publisher::run_aside(std::function<std::shared_ptr<T>()> work) {
  try {
    if (!checks_) checks_.emplace(1, 1, SidePool::Priority::kLow);
  } catch (const std::system_error&) {  // thrown when the system allows no further thread
    co_return work();
  }
  Task<std::optional<std::shared_ptr<T>>> running = checks_->run<std::shared_ptr<T>>(loop_, std::move(work));
  // Empty only when the gateway drains: the only job finds room in the queue.
  const std::optional<std::shared_ptr<T>> done = co_await running;
  co_return done.value_or(nullptr);
}

Task<Publisher::Checked> Publisher::check_change(std::function<config::Reading()> read) {
  std::function<std::shared_ptr<Checked>()> work = [this, its_read = std::move(read)] {
    auto out = std::make_shared<Checked>();
    out->reading = its_read();
    out->config = deployment_.check_errors(out->reading);
    return out;
  };
  Task<std::shared_ptr<Checked>> checking = run_aside<Checked>(std::move(work));
  const std::shared_ptr<Checked> checked = co_await checking;
  co_return checked ? std::move(*checked) : Checked();
}

void Publisher::stop() {
  if (checks_) checks_->stop();
}

Task<PreparedChange> Publisher::prepare(const ChangeRequest& request) {
  stored_ = Stored::kYes;
  if (auto refusal = refuse_writes()) co_return std::move(*refusal);
  auto tried = resolve(base(), request.edits, [this](const config::Object& one) { return tag_of(one); });
  if (auto* refusal = std::get_if<Refusal>(&tried)) co_return std::move(*refusal);
  const Resolved resolved = std::move(std::get<Resolved>(tried));
  if (auto refusal = refuse(request, resolved)) co_return std::move(*refusal);
  if (resolved.touched.empty()) co_return Published{deployment_.revision(), ""};
  Task<std::optional<Refusal>> checking = check_deleted(request, resolved);
  if (auto refusal = co_await checking) co_return std::move(*refusal);
  if (is_in_trial())
    co_return Refusal{.status = 409,
                      .title = refuse_beside_canary(awaited_ ? awaited_->number : known_.newest).message};
  if (const Status free = deployment_.may_change(); !free)
    co_return Refusal{.status = 409, .title = free.error().message};
  Task<Checked> checking_all = check_change(reading_with(resolved.objects));
  Checked checked = co_await checking_all;
  if (!checked.config)
    co_return refusal_of(findings_of(checked.reading.diagnostics, resolved), request, resolved);
  co_return Publication{std::move(*checked.config),
                        std::move(checked.reading.objects),
                        {.name = request.author, .message = request.message},
                        extent_of(resolved.touched)};
}

}  // namespace portcullis::control

#include "control/admin/kind_calls.h"

#include <utility>

#include "control/admin/change_answer.h"
#include "control/admin/documents.h"
#include "control/admin/shapes.h"

namespace portcullis::control {
namespace {

using config::AdminRole;
using nlohmann::json;

// The calls of one kind.
class KindCalls {
 public:
  KindCalls(CallTable& table, const ObjectKind& kind, const KindPlace& place, const KindHandlers& handlers)
      : table_(table), kind_(kind), place_(place), handlers_(handlers) {}

  void add() {
    const std::string path = place_.prefix + "/" + kind_.word();
    if (!kind_.is_single) {
      add_list(path);
      add_object(path + "/{name}");
    } else {
      add_object(path);
    }
  }

 private:
  using Handle = KindHandlers::Handle;

  // "Route" for the kind `routes`, and "PolicySet" for `policy_sets`.
  std::string word() const {
    std::string out;
    bool begins = true;
    for (const char c : kind_.is_single ? kind_.key : kind_.noun) {
      if (c != ' ') out += begins ? static_cast<char>(c & ~0x20) : c;
      begins = c == ' ';
    }
    return out;
  }
  json schema() const { return shape::any(kind_.is_single ? "array" : "object"); }
  std::string called() const {
    return kind_.is_single ? "the " + std::string(kind_.key) : "a " + std::string(kind_.noun);
  }

  void add_list(const std::string& path) {
    const ObjectKind* const kind = &kind_;
    json page = shape::object(
        {{"items", shape::list(schema())}, {"next", shape::text("The value of `after` for the next page.")}},
        {"items"});
    const Handle handle = handlers_.list;
    table_.add({.method = "GET",
                .path = path,
                .id = "list" + word() + "s" + place_.suffix,
                .group = place_.group,
                .summary = "List " + std::string(kind_.noun) + "s" + place_.words,
                .variables = place_.variables,
                .parameters = {{"limit", "The number of objects, at most 1000; the default is 100.",
                                shape::integer()},
                               {"after", "The name after which the list begins: `next` of the page before."},
                               {"label",
                                "A label that the objects must have, as `team:orders`. Several are all "
                                "required."}},
                .answers = {{200, "The objects in the order of their names.", media_type::kJson, page}},
                .handle = [kind, handle](const AdminWorld& world, const CallRequest& request) {
                  return handle(world, request, {kind, ""});
                }});
  }

  void add_object(const std::string& path) {
    const ObjectKind* const kind = &kind_;
    Call call = base(path, "GET", "get", "Read " + called());
    call.answers = {{200, "The object; `_origin` says where it comes from.", media_type::kJson, schema()},
                    {304, "The object is the one that `If-None-Match` names."}};
    call.handle = [kind, handle = handlers_.get](const AdminWorld& world, const CallRequest& request) {
      return handle(world, request, {kind, request.variable("name")});
    };
    table_.add(std::move(call));
    add_write(path, "PUT", "put", "Create or replace " + called(), {media_type::kJson, media_type::kYaml},
              handlers_.put);
    add_write(path, "PATCH", "patch", "Change members of " + called(),
              {media_type::kMergePatch, media_type::kJsonPatch}, handlers_.patch);
    if (!kind_.is_single) add_write(path, "DELETE", "delete", "Delete " + called(), {}, handlers_.remove);
  }

  Call base(const std::string& path, const char* method, const std::string& verb, std::string summary) const {
    Call call{.method = method,
              .path = path,
              .id = verb + word() + place_.suffix,
              .group = place_.group,
              .summary = std::move(summary) + place_.words,
              .variables = place_.variables};
    if (!kind_.is_single) call.variables.push_back({"name", "The name of the object."});
    return call;
  }

  void add_write(const std::string& path, const char* method, const std::string& verb, std::string summary,
                 std::vector<std::string> media_types, Handle handle) {
    const ObjectKind* const kind = &kind_;
    Call call = base(path, method, verb, std::move(summary));
    call.role = AdminRole::kPublisher;
    call.parameters = {dry_run_parameter()};
    call.effect = Call::Effect::kWrites;
    call.answers = change_answers();
    if (media_types.empty()) {
      call.answers.push_back({204, "The object is deleted."});
    } else {
      call.body = Call::Body{.media_types = std::move(media_types),
                             .schema = shape::anything(),
                             .max_bytes = Call::kDocumentBody};
      call.answers.push_back({200, "The object as it is now.", media_type::kJson, schema()});
    }
    if (std::string_view(method) == "PUT")
      call.answers.push_back({201, "The object was created.", media_type::kJson, schema()});
    call.handle = [kind, handle](const AdminWorld& world, const CallRequest& request) {
      return handle(world, request, {kind, request.variable("name")});
    };
    table_.add(std::move(call));
  }

  CallTable& table_;
  const ObjectKind& kind_;
  const KindPlace& place_;
  const KindHandlers& handlers_;
};

}  // namespace

void add_kind_calls(CallTable& table, const KindPlace& place, const KindHandlers& handlers) {
  for (const ObjectKind& kind : config::object_kinds()) KindCalls(table, kind, place, handlers).add();
}

}  // namespace portcullis::control

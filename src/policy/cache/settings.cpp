#include "policy/cache/settings.h"

#include "config/field_types.h"
#include "policy/condition.h"
#include "policy/template.h"

namespace portcullis::policy::cache_policy {

std::shared_ptr<config::ObjectType<CacheSettings>> cache_type() {
  using config::duration;
  using config::time_limit;
  auto by_status = std::make_shared<config::ObjectType<StatusLifetime>>(
      "ttl_by_status", "How long responses of a status are fresh.");
  by_status
      ->required("status", &StatusLifetime::status,
                 config::one_or_list_of<config::StatusRange>(config::status_range()),
                 "Of which statuses, as 404 or 5xx.")
      .required("ttl", &StatusLifetime::ttl, duration(), "For how long; 0s: they are not kept.");
  auto type = std::make_shared<config::ObjectType<CacheSettings>>(
      "cache",
      "Keeps responses in memory, and answers with them what asks for the same: a shared HTTP cache (RFC "
      "9111). What responses say of themselves decides; the keys here say the rest. Stands after the "
      "policies that authenticate and limit, which then see every request.");
  type->optional(
          "key", &CacheSettings::key,
          config::text_with_variables("a template", "'{request.host}{request.path}'", Template::check),
          "What requests for the same have in common, as `{request.path}?{request.query}`. With "
          "`{consumer.name}`, `{claim.NAME}` or another variable of the caller in it, what callers get "
          "is kept for each of them apart, also what is not `public`.")
      .default_in_words("the URI")
      .optional("when", &CacheSettings::when, Condition::type(),
                "Which requests may be answered from the cache.")
      .default_in_words("every GET and HEAD")
      .optional("ttl", &CacheSettings::ttl, duration(),
                "How long responses are fresh, whatever they say of their age. What forbids that they are "
                "kept still does.")
      .default_in_words("as the response says")
      .optional("default_ttl", &CacheSettings::default_ttl, duration(),
                "How long those are fresh that do not say, of the statuses that may be kept without a word "
                "(200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501).")
      .default_in_words("a tenth of their age, up to a day")
      .optional("ttl_by_status", &CacheSettings::ttl_by_status, config::list_of<StatusLifetime>(by_status),
                "The same by status, and for any: negative caching.")
      .optional("stale_while_revalidate", &CacheSettings::stale_while_revalidate, duration(),
                "For how long a stale response is still sent, while it is fetched anew; where the response "
                "does not say (RFC 5861).")
      .optional("stale_if_error", &CacheSettings::stale_if_error, duration(),
                "For how long it is sent when the upstream fails: with 500, 502, 503, 504, or not at all; "
                "where the response does not say (RFC 5861).")
      .optional(
          "object_size", &CacheSettings::object_size, config::size(),
          "Responses with a larger body are not kept. With the top level's `cache.disk` those are that fit "
          "its `max_object_size`.")
      .default_in_words("8MiB, or what the disk takes")
      .optional("coalesce", &CacheSettings::coalesce, config::boolean(),
                "Whether those who ask for what is being fetched wait for it, so that there is one fetch.")
      .optional("wait", &CacheSettings::wait, time_limit(),
                "How long they wait; then they ask for themselves.")
      .optional("client_directives", &CacheSettings::client_directives, config::choice<ClientDirectives>(),
                "Whether a client's own Cache-Control counts: `ignore` keeps clients from asking past the "
                "cache.")
      .optional("ignore_query", &CacheSettings::ignore_query,
                config::list_of<std::string>(config::text("utm_*")),
                "Query parameters that make no difference, as `utm_*`. The upstream still gets them.")
      .optional(
          "targeted", &CacheSettings::targeted, config::list_of<std::string>(config::field_name_type()),
          "Response fields that stand in the place of Cache-Control, the first that there is (RFC 9213).")
      .optional("tag_fields", &CacheSettings::tag_fields,
                config::list_of<std::string>(config::field_name_type()),
                "Response fields with the tags, separated by spaces or commas, by which it may be purged.")
      .optional("status_field", &CacheSettings::status_field, config::boolean(),
                "Whether responses tell in `Cache-Status` what the cache did (RFC 9211).");
  return type;
}

}  // namespace portcullis::policy::cache_policy

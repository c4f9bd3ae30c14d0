#include "policy/cache/settings.h"

#include "config/field_types.h"
#include "policy/condition.h"
#include "policy/template.h"

namespace portcullis::policy::cache {

std::shared_ptr<config::ObjectType<CacheSettings>> cache_type() {
  using config::duration;
  using config::time_limit;
  auto by_status = std::make_shared<config::ObjectType<StatusLifetime>>(
      "ttl_by_status", "Lifetime of responses with certain statuses.");
  by_status
      ->required("status", &StatusLifetime::status,
                 config::one_or_list_of<config::StatusRange>(config::status_range()),
                 "The statuses, such as 404 or 5xx.")
      .required("ttl", &StatusLifetime::ttl, duration(),
                "Lifetime of responses with these statuses; 0s: they are not stored.");
  auto type = std::make_shared<config::ObjectType<CacheSettings>>(
      "cache",
      "Stores responses, and answers later requests for the same resource with them: a shared HTTP cache "
      "(RFC 9111). The header fields of a response decide; the keys here decide where a response has no such "
      "fields. Put this policy behind the policies that authenticate and limit, so that they see every "
      "request.");
  type->optional(
          "key", &CacheSettings::key,
          config::text_with_variables("a template", "'{request.host}{request.path}'", Template::check),
          "Template for the cache key, such as `{request.path}?{request.query}`: requests with the same key "
          "get the same stored response. With `{consumer.name}`, `{claim.NAME}` or another variable of the "
          "caller in the key, each caller has its own stored responses, also those that are not `public`.")
      .default_in_words("the URI")
      .optional("when", &CacheSettings::when, Condition::type(),
                "A condition for the requests that may be answered from the cache. Other requests bypass the "
                "cache.")
      .default_in_words("every GET and HEAD")
      .optional("ttl", &CacheSettings::ttl, duration(),
                "Lifetime of responses, whatever lifetime they have of their own. It does not override a "
                "rule that forbids storing.")
      .default_in_words("as the response says")
      .optional("default_ttl", &CacheSettings::default_ttl, duration(),
                "Lifetime of responses that have none of their own, for the statuses that may be stored "
                "without one (200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501).")
      .default_in_words("a tenth of their age, up to a day")
      .optional(
          "ttl_by_status", &CacheSettings::ttl_by_status, config::list_of<StatusLifetime>(by_status),
          "Lifetime of responses that have none of their own, by status, for any status: negative caching.")
      .optional("stale_while_revalidate", &CacheSettings::stale_while_revalidate, duration(),
                "How long a stale response is still sent while it is fetched again, when the response has no "
                "such time of its own (RFC 5861).")
      .optional("stale_if_error", &CacheSettings::stale_if_error, duration(),
                "How long a stale response is sent when the upstream answers with 500, 502, 503 or 504, or "
                "does not answer, when the response has no such time of its own (RFC 5861).")
      .optional("object_size", &CacheSettings::object_size, config::size(),
                "Max size of a stored body; responses with a larger body are not stored. With `cache.disk` "
                "at the top level, the default is its `max_object_size`.")
      .default_in_words("8MiB, or `max_object_size` of the disk")
      .optional("coalesce", &CacheSettings::coalesce, config::boolean(),
                "Whether requests for a response that is being fetched wait for it, so that there is one "
                "fetch only.")
      .optional("wait", &CacheSettings::wait, time_limit(),
                "Max time that a request waits for the fetch of another request. After that it goes to the "
                "upstream itself.")
      .optional("client_directives", &CacheSettings::client_directives, config::choice<ClientDirectives>(),
                "Whether the cache obeys the Cache-Control of requests. With `ignore`, clients cannot bypass "
                "the cache.")
      .optional(
          "ignore_query", &CacheSettings::ignore_query, config::list_of<std::string>(config::text("utm_*")),
          "Query parameters that the cache key leaves out, such as `utm_*`. The upstream still gets them.")
      .optional(
          "targeted", &CacheSettings::targeted, config::list_of<std::string>(config::field_name_type()),
          "Response fields that replace Cache-Control; the first one that a response has counts (RFC 9213).")
      .optional("tag_fields", &CacheSettings::tag_fields,
                config::list_of<std::string>(config::field_name_type()),
                "Response fields with tags, separated by spaces or commas, by which stored responses can be "
                "purged.")
      .optional(
          "status_field", &CacheSettings::status_field, config::boolean(),
          "Whether responses have the field `Cache-Status`, which tells what the cache did (RFC 9211).");
  return type;
}

}  // namespace portcullis::policy::cache

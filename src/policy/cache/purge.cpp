#include "policy/cache/purge.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <utility>

#include "base/arena.h"
#include "http/query.h"
#include "http/uri.h"
#include "policy/cache/shared_store.h"
#include "policy/services.h"

namespace portcullis::policy::cache {
namespace {

using engine::Purge;

// What `query` asks for, before the URI in it is checked; nothing unless it asks for exactly one thing.
std::optional<Purge> read_query(std::string_view query) {
  Arena arena;
  Purge purge;
  int named = 0;
  const auto take = [&](std::string_view name, Purge::What what) {
    const auto text = http::find_query_parameter(query, name, arena);
    if (!text) return;
    ++named;
    purge.what = what;
    purge.text = *text;
  };
  take("uri", Purge::What::kUri);
  take("prefix", Purge::What::kPrefix);
  take("tag", Purge::What::kTag);
  take("all", Purge::What::kAll);
  if (named != 1) return std::nullopt;
  if (http::find_query_parameter(query, "expire", arena)) purge.how = Purge::How::kExpire;
  return purge;
}

Result<nlohmann::json> purge(std::string_view query, Services& services) {
  auto asked = read_query(query);
  if (!asked)
    return Error{
        "the query must say which responses to purge: ?uri=https://host/path?query, "
        "?prefix=https://host/path, ?tag=NAME or ?all; with &expire they stay stored, but are stale from now "
        "on"};
  if (asked->what == Purge::What::kUri || asked->what == Purge::What::kPrefix) {
    auto uri = http::normal_uri(asked->text);
    if (!uri) return Error{"`" + asked->text + "` is not a URI: it must begin with http:// or https://"};
    asked->text = std::move(*uri);
  }
  return nlohmann::json{{"purged", services.get<SharedStore>().store().purge(*asked)}};
}

}  // namespace

OperatorAction purge_action() {
  return {.path = "/cache/purge",
          .name = "purge",
          .summary = "Remove stored responses from the cache",
          .parameters = {{"uri", "The response for this URI, with the port where it is not the scheme's."},
                         {"prefix", "All responses for URIs that begin with this text."},
                         {"tag", "All responses with this tag."},
                         {"all", "All responses; the parameter has no value."},
                         {"expire",
                          "The responses stay stored, but are stale from now on; the parameter has "
                          "no value."}},
          .figures = {{"purged", "The number of responses that were found."}},
          .act = purge};
}

}  // namespace portcullis::policy::cache

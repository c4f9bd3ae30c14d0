#include "policy/limit_key.h"

#include <algorithm>

#include "base/text.h"
#include "runtime/ip_range.h"

namespace portcullis::policy {
namespace {

std::string_view address_of(Context& context) {
  const std::string_view text = context.client_address;
  if (text.find(':') == std::string_view::npos) return text;
  const auto address = IpAddress::parse(text);
  if (!address) return text;
  return context.arena.copy({reinterpret_cast<const char*>(address->bytes.data()), 8});
}

}  // namespace

const std::vector<std::pair<std::string_view, LimitKey::Kind>>& LimitKey::words() {
  static const std::vector<std::pair<std::string_view, Kind>> all{{"consumer", Kind::kConsumer},
                                                                  {"client_address", Kind::kClientAddress},
                                                                  {"route", Kind::kRoute},
                                                                  {"upstream", Kind::kUpstream},
                                                                  {"all", Kind::kAll}};
  return all;
}

std::string count_scope(const std::string& name, const BuildContext& build) {
  return name.empty() ? "of:" + std::string(build.place) : "named:" + name;
}

LimitKey::LimitKey(std::string_view text) : kind_(Kind::kTemplate) {
  for (const auto& [word, kind] : words()) {
    if (word == text) kind_ = kind;
  }
  if (kind_ == Kind::kTemplate) {
    template_ = Template(text);
    source_ = text;
  }
  of_identity_ = template_.is_of_identity();
}

std::string LimitKey::check(const std::string& text) {
  if (text.find('{') != std::string::npos) return Template::check(text);
  std::vector<std::string_view> known;
  for (const auto& [word, kind] : words()) {
    if (word == text) return "";
    known.push_back(word);
  }
  return "`" + text +
         "` is not a key: use consumer, client_address, route, upstream, all or a template such as "
         "{request.header.x-tenant}" +
         suggestion_for(text, known);
}

config::Type<std::string> LimitKey::type() {
  return config::text_with_variables("a key", "client_address", check);
}

const char* LimitKey::summary() {
  return "Which requests share one counter: those of one `consumer` (for a request without a consumer, its "
         "client address), `client_address` (IPv6: its /64), `route` or `upstream`, `all` requests, or those "
         "for which a text with variables is the same, such as `{request.header.x-tenant}` or `{claim.sub}`.";
}

limits::CounterSpace LimitKey::space_of(const Context& context) const {
  using limits::CounterSpace;
  switch (kind_) {
    case Kind::kAll:
    case Kind::kRoute:
    case Kind::kUpstream: return CounterSpace::kCallers;
    case Kind::kClientAddress: return CounterSpace::kStrangers;
    case Kind::kConsumer:
      return context.caller.consumer != nullptr ? CounterSpace::kCallers : CounterSpace::kStrangers;
    case Kind::kTemplate: return of_identity_ ? CounterSpace::kCallers : CounterSpace::kStrangers;
  }
  return CounterSpace::kStrangers;
}

std::string LimitKey::describe(Context& context) const {
  const auto named = [](std::string_view what, std::string_view name) {
    const bool printable = std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c < 127; });
    return std::string(what) + (name.empty() || !printable ? "" : " `" + std::string(name) + "`");
  };
  switch (kind_) {
    case Kind::kAll: return "all requests";
    case Kind::kRoute: return named("route", context.route);
    case Kind::kUpstream: return named("upstream", context.upstream);
    case Kind::kTemplate: return named(source_, text_of(context));
    case Kind::kClientAddress: return named("client", context.client_address);
    case Kind::kConsumer:
      if (context.caller.consumer == nullptr) return named("client", context.client_address);
      return named("consumer", context.caller.consumer->name);
  }
  return {};
}

std::string_view LimitKey::text_of(Context& context) const {
  switch (kind_) {
    case Kind::kAll: return {};
    case Kind::kRoute: return context.route;
    case Kind::kUpstream: return context.upstream;
    case Kind::kTemplate: return template_.expand(context);
    case Kind::kClientAddress: return address_of(context);
    case Kind::kConsumer:
      if (context.caller.consumer == nullptr) return address_of(context);
      // No address begins like this, so that nobody's name can stand for one.
      return context.arena.concat("consumer:", context.caller.consumer->name);
  }
  return {};
}

}  // namespace portcullis::policy

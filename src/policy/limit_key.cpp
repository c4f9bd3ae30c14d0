#include "policy/limit_key.h"

#include <algorithm>

#include "base/text.h"
#include "runtime/ip_range.h"

namespace portcullis::policy {
namespace {

using variables::Moment;
using variables::Use;
using variables::Variable;

// The keys that are not variables.
constexpr std::string_view kAllWord = "all";
constexpr std::string_view kCallerWord = "caller";

bool has_braces(std::string_view text) {
  return text.find('{') != std::string_view::npos;
}

std::string_view address_of(Context& context) {
  const std::string_view text = context.client.address;
  if (text.find(':') == std::string_view::npos) return text;
  const auto address = IpAddress::parse(text);
  if (!address) return text;
  return context.arena.copy({reinterpret_cast<const char*>(address->bytes.data()), 8});
}

}  // namespace

std::string count_scope(const std::string& name, const BuildContext& build) {
  return name.empty() ? "of:" + std::string(build.place) : "named:" + name;
}

LimitKey::LimitKey(std::string_view text) {
  if (text == kAllWord) {
    kind_ = Kind::kAll;
    return;
  }
  if (text == kCallerWord) return;
  kind_ = Kind::kTemplate;
  source_ = text;
  if (has_braces(text)) {
    template_ = Template(text);
  } else if (auto variable = variables::find(text, Use::kKey, Moment::kRequest)) {
    template_ = Template(std::move(*variable));
  }
  of_identity_ = template_.is_of_identity();
  const variables::Reference* only = template_.only_variable();
  if (only == nullptr) return;
  if (only->variable == Variable::kClientAddress) kind_ = Kind::kClientAddress;
  if (only->variable == Variable::kRouteName) kind_ = Kind::kRoute;
  if (only->variable == Variable::kUpstreamName) kind_ = Kind::kUpstream;
}

std::string LimitKey::check(const std::string& text) {
  if (text == kAllWord || text == kCallerWord) return "";
  if (has_braces(text)) return Template::check(text);
  const auto variable = variables::find(text, Use::kKey, Moment::kRequest);
  if (variable) return "";
  return variable.error().message + suggestion_for(text, {kAllWord, kCallerWord}) +
         "; a key is `caller`, `all`, a variable such as `client.address`, or a text with variables such as "
         "`{request.header.x-tenant}/{claim.sub}`";
}

config::Type<std::string> LimitKey::type() {
  return config::key_with_variables("a key", "client.address", check,
                                    {std::string(kCallerWord), std::string(kAllWord)});
}

const char* LimitKey::summary() {
  return "Which requests share one counter: those of one `caller` (the consumer; for a request without a "
         "consumer, its client address), `all` requests, those for which a variable has the same value, such "
         "as "
         "`client.address` (IPv6: its /64), `route.name`, `upstream.name` or `claim.sub`, or those for which "
         "a "
         "text with variables is the same, such as `{request.header.x-tenant}/{claim.sub}`.";
}

limits::CounterSpace LimitKey::space_of(const Context& context) const {
  using limits::CounterSpace;
  switch (kind_) {
    case Kind::kAll:
    case Kind::kRoute:
    case Kind::kUpstream: return CounterSpace::kCallers;
    case Kind::kClientAddress: return CounterSpace::kStrangers;
    case Kind::kCaller:
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
    case Kind::kRoute: return named("route", context.route.name);
    case Kind::kUpstream: return named("upstream", context.route.upstream);
    case Kind::kTemplate: return named(source_, text_of(context));
    case Kind::kClientAddress: return named("client", context.client.address);
    case Kind::kCaller:
      if (context.caller.consumer == nullptr) return named("client", context.client.address);
      return named("consumer", context.caller.consumer->name);
  }
  return {};
}

std::string_view LimitKey::text_of(Context& context) const {
  switch (kind_) {
    case Kind::kAll: return {};
    case Kind::kRoute: return context.route.name;
    case Kind::kUpstream: return context.route.upstream;
    case Kind::kTemplate: return template_.expand(context);
    case Kind::kClientAddress: return address_of(context);
    case Kind::kCaller:
      if (context.caller.consumer == nullptr) return address_of(context);
      // No address begins with this prefix, so the name of a consumer can never be taken for an address.
      return context.arena.concat("consumer:", context.caller.consumer->name);
  }
  return {};
}

}  // namespace portcullis::policy

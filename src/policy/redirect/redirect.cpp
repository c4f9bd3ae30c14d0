#include "policy/redirect/redirect.h"

#include <algorithm>

#include "policy/redirect/reasons.h"
#include "policy/template.h"

namespace portcullis::policy::redirect {
namespace {

enum class Code {
  kMovedPermanently = 301,
  kFound = 302,
  kSeeOther = 303,
  kTemporary = 307,
  kPermanent = 308
};
constexpr auto names_of(Code) {
  return std::to_array<EnumName<Code>>({{Code::kMovedPermanently, "301"},
                                        {Code::kFound, "302"},
                                        {Code::kSeeOther, "303"},
                                        {Code::kTemporary, "307"},
                                        {Code::kPermanent, "308"}});
}

struct Settings {
  std::string to;
  Code status = Code::kPermanent;
  bool keep_query = true;
};

// True when `text` begins with a scheme, so that it is not a relative reference (RFC 3986 section 4.2).
bool has_scheme(std::string_view text) {
  const size_t end = text.find_first_of(":/?#");
  return end != std::string_view::npos && text[end] == ':';
}

// True for characters that a URI may not contain. Browsers read '\\' as '/', and skip tabs.
bool is_unsafe(char c) {
  return c <= 0x20 || c >= 0x7F || std::string_view(R"("<>\^`{|})").find(c) != std::string_view::npos;
}

// `text` with each unsafe character as %XX.
std::string_view encode(std::string_view text, Arena& arena) {
  const auto unsafe = static_cast<size_t>(std::count_if(text.begin(), text.end(), is_unsafe));
  if (unsafe == 0) return text;
  char* const out = arena.allocate(text.size() + 2 * unsafe, 1);
  char* end = out;
  for (const char c : text) {
    if (!is_unsafe(c)) {
      *end++ = c;
      continue;
    }
    constexpr char kDigits[] = "0123456789ABCDEF";
    const auto byte = static_cast<uint8_t>(c);
    *end++ = '%';
    *end++ = kDigits[byte >> 4];
    *end++ = kDigits[byte & 0xF];
  }
  return {out, static_cast<size_t>(end - out)};
}

class Redirect final : public Policy {
 public:
  explicit Redirect(const Settings& settings)
      : to_(settings.to),
        names_host_(to_.beginning().starts_with("//") || has_scheme(to_.beginning())),
        status_(static_cast<uint16_t>(settings.status)),
        keep_query_(settings.keep_query) {}

  Decision on_request(Context& context) const override {
    std::string_view location = encode(to_.expand(context), context.arena);
    if (location.empty()) return Decision::refuse(kReasons.redirect_without_location);
    // Only the setting `to` may name another host; a text from the request must not.
    if (to_.begins_as_client_says() && has_scheme(location))
      return Decision::refuse(kReasons.redirect_elsewhere);
    while (!names_host_ && location.starts_with("//")) location.remove_prefix(1);
    context.response.status = status_;
    context.response.fields.add("location", keep_query_ ? with_query(location, context) : location);
    return Decision::answer("");
  }

  void add_reads(RequestReads& reads) const override { to_.add_reads(reads, RequestReads::Use::kCopied); }

 private:
  // Adds the query of the request, which stands before a fragment (RFC 3986 section 3).
  static std::string_view with_query(std::string_view location, const Context& context) {
    const std::string_view query = context.request.query;
    if (query.empty()) return location;
    const size_t end = std::min(location.find('#'), location.size());
    const std::string_view before = location.substr(0, end);
    const bool has_one = before.find('?') != std::string_view::npos;
    const bool is_open = before.ends_with('?') || before.ends_with('&');
    return context.arena.concat(before,
                                is_open   ? ""
                                : has_one ? "&"
                                          : "?",
                                encode(query, context.arena), location.substr(end));
  }

  Template to_;
  bool names_host_;
  uint16_t status_;
  bool keep_query_;
};

// A location without a scheme that begins as a host does: "www.example.com/x", "example.com:8080".
bool looks_like_host(std::string_view location) {
  if (location.empty() || std::string_view("/{?#.").find(location.front()) != std::string_view::npos)
    return false;
  const std::string_view first = location.substr(0, location.find_first_of("/?#{"));
  const size_t colon = first.find(':');
  if (colon == std::string_view::npos) return first.find('.') != std::string_view::npos;
  return colon + 1 < first.size() &&
         first.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
}

std::string find_relative(const Settings& settings) {
  if (!looks_like_host(settings.to)) return "";
  return "`" + settings.to +
         "` has no scheme, so clients read it as a path on the same host: write `https://" + settings.to +
         "`";
}

}  // namespace

Kind kind() {
  auto type = std::make_shared<config::ObjectType<Settings>>("redirect", "Answers with a redirection.");
  type->required("to", &Settings::to,
                 config::text_with_variables("text with variables", "'https://{request.host}{request.path}'",
                                             Template::check),
                 "The new location, such as `https://{request.host}{request.path}`. Only the text in the "
                 "configuration can lead to another host: when a variable makes the location begin with "
                 "`//`, this counts as `/`, and a request whose variables make it begin with a scheme, or "
                 "leave it empty, is refused with 400.")
      .optional("status", &Settings::status, config::choice<Code>(), "The status code.")
      .optional("keep_query", &Settings::keep_query, config::boolean(),
                "Whether the query of the request is appended to the location, before a fragment.");
  Kind kind = with_insight<Settings>(make_kind<Settings, Redirect>("redirect", type)
                                         .with_reasons(kReasons)
                                         .with_traits({.answers_all = true}),
                                     [](const Settings& settings, const config::PolicyUse& use) {
                                       Insight out;
                                       out.add_reads(Template(settings.to).caller_reads(), use.location);
                                       return out;
                                     });
  return with_warning<Settings>(std::move(kind), "relative_redirect", find_relative);
}

}  // namespace portcullis::policy::redirect

#include "config/field_types.h"

#include <algorithm>

#include "base/text.h"
#include "config/marked_type.h"
#include "http/authority.h"
#include "http/characters.h"
#include "runtime/address.h"
#include "runtime/ip_range.h"

namespace portcullis::config {

Type<std::string> name_type() {
  return checked_text(
      "a name", "^[A-Za-z0-9._-]{1,128}$", "orders", [](const std::string& name) -> std::string {
        const bool good =
            !name.empty() && name.size() <= 128 &&
            name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
                std::string::npos;
        return good ? "" : "`" + name + "` is not a name: use letters, digits, '-', '_' and '.'";
      });
}

namespace {

std::string check_host(const std::string& host) {
  const std::string_view rest =
      host.starts_with("*.") ? std::string_view(host).substr(2) : std::string_view(host);
  if (host == "*") return "leave out `hosts` to match any host";
  if (rest.find(',') != std::string_view::npos)
    return "`" + host +
           "` is several hosts: each is an element of the list, as [a.example.com, b.example.com]";
  if (host.starts_with('.'))
    return "`" + host + "` is not a host: write " + host.substr(1) + ", and *" + host +
           " for the names below it";
  if (host.starts_with('~') || host.find_first_of("^$\\()") != std::string::npos)
    return "`" + host + "` is not a host: hosts are not expressions; write api.example.com or *.example.com";
  if (std::any_of(host.begin(), host.end(), [](char c) { return static_cast<uint8_t>(c) >= 0x80; }))
    return "`" + host + "` is not a host: write it as clients send it, in ASCII (as xn--mller-kva.example)";
  if (rest.empty() || rest.find('*') != std::string_view::npos) {
    return "`" + host + "` is not a host: write api.example.com or *.example.com";
  }
  if (rest.find('/') != std::string_view::npos || rest.find("://") != std::string_view::npos) {
    return "`" + host + "` is not a host: write the name alone, without scheme or path";
  }
  if (!http::is_valid_authority(rest) || http::host_of(rest) != rest)
    return "`" + host + "` is not a host: write the name alone, without a port or percent-encoding";
  if (rest.ends_with('.'))
    return "`" + host +
           "`: write the host without the dot at its end, because the gateway removes that dot from the host "
           "of a request";
  return "";
}

}  // namespace

Type<std::string> host_type() {
  return checked_text("a host", "", "api.example.com", check_host, {}, http::canonical_host);
}

std::string check_field_name(const std::string& name) {
  return http::is_token_text(name) ? "" : "`" + name + "` is not a header's name";
}

std::string check_url(const std::string& text) {
  return text.starts_with("https://") || text.starts_with("http://")
             ? ""
             : "`" + text + "` is not a URL: it must start with https:// or http://";
}

Type<std::string> field_name_type() {
  return checked_text("a header's name", "", "x-tenant", check_field_name);
}

namespace {

std::string check_media_type(const std::string& text) {
  for (const char c : text) {
    if (c < 0x20 || c == 0x7F) return "control characters are not allowed here";
  }
  return text.find('/') == std::string::npos ? "`" + text + "` is not a media type such as text/plain" : "";
}

}  // namespace

Type<std::string> media_type() {
  return checked_text("a media type", "", "application/json", check_media_type);
}

Type<std::string> url_type() {
  const auto has_credentials = [](const std::string& text) {
    const size_t begin = text.find("://");
    return begin != std::string::npos &&
           std::string_view(text)
                   .substr(begin + 3, text.find_first_of("/?#", begin + 3) - begin - 3)
                   .find('@') != std::string_view::npos;
  };
  return secret_if(checked_text("a URL", "^https?://", "https://auth.example.com/check", check_url),
                   has_credentials);
}

namespace {

// Connecting to a Unix socket requires write permission for its file.
std::string check_socket_mode(const std::string& text) {
  const auto mode = text.size() <= 4 ? parse_digits(text, 8) : std::nullopt;
  if (!mode || *mode > 0777) return "`" + text + "` is not a mode: write it in octal, as \"0660\"";
  return (*mode & 0222) != 0 ? "" : "`" + text + "` lets no client connect: clients need the right to write";
}

}  // namespace

Type<std::string> socket_mode_type() {
  return checked_text("a mode", "^[0-7]{3,4}$", "\"0660\"", check_socket_mode);
}

std::optional<uint32_t> mode_of(const std::string& text) {
  const auto mode = parse_digits(text, 8);
  return mode ? std::optional(static_cast<uint32_t>(*mode)) : std::nullopt;
}

void check_socket_file(const std::string& address, const std::string& mode, const std::string& group,
                       const Location& location, Diagnostics& diagnostics) {
  if (address.starts_with("unix:")) return;
  for (const auto& [key, value] : {std::pair("mode", &mode), std::pair("group", &group)}) {
    if (!value->empty())
      diagnostics.error(location,
                        std::string("`") + key + "` is for a Unix socket, and `" + address + "` is not one");
  }
}

namespace {

// What to write instead of a host name or a star where an IP address is required; or "".
std::string hint_about_host(const std::string& text) {
  const auto parts = split_host_port(text);
  if (!parts) return "";
  const std::string port = ":" + std::to_string(parts->port);
  if (parts->host == "*") return ": for all addresses write 0.0.0.0" + port + ", or [::]" + port;
  if (parts->host == "localhost") return ": write 127.0.0.1" + port + " or [::1]" + port;
  return ": write an address, because this setting does not look names up";
}

}  // namespace

Type<std::string> address_type() {
  return checked_text("an address", "", "0.0.0.0:8080", [](const std::string& text) -> std::string {
    const auto address = SocketAddress::parse(text);
    return address ? "" : address.error().message + (text.starts_with("unix:") ? "" : hint_about_host(text));
  });
}

Type<std::string> key_hash_type() {
  return checked_text("a key's hash", "^sha256:[0-9a-fA-F]{64}$", "sha256:" + std::string(64, '0'),
                      [](const std::string& text) -> std::string {
                        constexpr std::string_view kPrefix = "sha256:";
                        const bool good = text.starts_with(kPrefix) && text.size() == kPrefix.size() + 64 &&
                                          std::all_of(text.begin() + kPrefix.size(), text.end(),
                                                      [](char c) { return hex_value(c) >= 0; });
                        // A text that is not a hash may be the key itself, which must not appear in a
                        // message.
                        return good ? ""
                                    : "expected `sha256:` and 64 hexadecimal digits: `portcullis hash-key` "
                                      "makes such a hash from a key";
                      });
}

Type<std::string> address_range_type() {
  return checked_text("an address range", "", "10.0.0.0/8", [](const std::string& text) -> std::string {
    const auto range = IpRange::parse(text);
    return range ? "" : range.error().message;
  });
}

}  // namespace portcullis::config

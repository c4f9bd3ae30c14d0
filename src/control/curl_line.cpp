#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "control/explain.h"
#include "crypto/encoding.h"
#include "http/query.h"

namespace portcullis::control {
namespace {

// Appends the character of an escape in $'...', a form of quotes that browsers use.
void append_escape(std::string_view line, size_t& at, std::string& word) {
  const char c = line[at++];
  size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 0;
  if (digits == 0) {
    static constexpr std::string_view kNames = "ntrabfv", kBytes = "\n\t\r\a\b\f\v";
    const size_t known = kNames.find(c);
    word += known != std::string_view::npos ? kBytes[known] : c;
    return;
  }
  unsigned value = 0;
  for (; digits > 0 && at < line.size() && hex_value(line[at]) >= 0; --digits)
    value = value * 16 + static_cast<unsigned>(hex_value(line[at++]));
  word += static_cast<char>(value < 128 ? value : '?');
}

// The words of the first command, split as a shell splits them; nothing when a quote is not closed.
std::optional<std::vector<std::string>> split_words(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  const auto end_word = [&] {
    if (in_word) words.push_back(std::move(word));
    word.clear();
    in_word = false;
  };
  size_t at = 0;
  while (at < line.size()) {
    const char c = line[at++];
    if (c == '\\' && at < line.size()) {
      // A backslash at the end of a line joins the line with the next one.
      const char next = line[at++];
      if (next == '\r' && at < line.size() && line[at] == '\n') ++at;
      if (next == '\n' || next == '\r') continue;
      in_word = true;
      word += next;
    } else if (c == '\'' || c == '"' || (c == '$' && at < line.size() && line[at] == '\'')) {
      in_word = true;
      const bool ansi = c == '$';
      const char quote = ansi ? line[at++] : c;
      for (;;) {
        if (at >= line.size()) return std::nullopt;
        const char inner = line[at++];
        if (inner == quote) break;
        if (inner == '\\' && at < line.size() && ansi) {
          append_escape(line, at, word);
        } else if (inner == '\\' && at < line.size() && quote == '"' &&
                   std::string_view("\"\\$`\n").find(line[at]) != std::string_view::npos) {
          if (line[at++] != '\n') word += line[at - 1];
        } else {
          word += inner;
        }
      }
    } else if (c == '|' || c == ';' || c == '>' || c == '&') {
      break;
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      end_word();
    } else {
      in_word = true;
      word += c;
    }
  }
  end_word();
  return words;
}

enum class Option {
  kMethod,
  kHeader,
  kData,
  kRawData,
  kEncodedData,
  kJson,
  kForm,
  kHead,
  kGet,
  kUser,
  kBearer,
  kAgent,
  kCookie,
  kReferer,
  kUrl,
  kCompressed,
  kValue,
  kFlag
};  // kValue is an option that is ignored with its value, kFlag an option that is ignored and has no value

struct Known {
  std::string_view name;  // the name without "--"
  char letter;            // 0 when there is no short form
  Option option;
};

constexpr Known kOptions[] = {{"request", 'X', Option::kMethod},
                              {"header", 'H', Option::kHeader},
                              {"data", 'd', Option::kData},
                              {"data-raw", 0, Option::kRawData},
                              {"data-binary", 0, Option::kData},
                              {"data-ascii", 0, Option::kData},
                              {"data-urlencode", 0, Option::kEncodedData},
                              {"json", 0, Option::kJson},
                              {"form", 'F', Option::kForm},
                              {"form-string", 0, Option::kForm},
                              {"upload-file", 'T', Option::kValue},
                              {"head", 'I', Option::kHead},
                              {"get", 'G', Option::kGet},
                              {"user", 'u', Option::kUser},
                              {"oauth2-bearer", 0, Option::kBearer},
                              {"user-agent", 'A', Option::kAgent},
                              {"cookie", 'b', Option::kCookie},
                              {"referer", 'e', Option::kReferer},
                              {"url", 0, Option::kUrl},
                              {"compressed", 0, Option::kCompressed},
                              {"output", 'o', Option::kValue},
                              {"write-out", 'w', Option::kValue},
                              {"max-time", 'm', Option::kValue},
                              {"connect-timeout", 0, Option::kValue},
                              {"retry", 0, Option::kValue},
                              {"resolve", 0, Option::kValue},
                              {"connect-to", 0, Option::kValue},
                              {"cacert", 0, Option::kValue},
                              {"capath", 0, Option::kValue},
                              {"cert", 'E', Option::kValue},
                              {"key", 0, Option::kValue},
                              {"proxy", 'x', Option::kValue},
                              {"cookie-jar", 'c', Option::kValue},
                              {"dump-header", 'D', Option::kValue},
                              {"range", 'r', Option::kValue},
                              {"unix-socket", 0, Option::kValue},
                              {"config", 'K', Option::kValue},
                              {"interface", 0, Option::kValue},
                              {"limit-rate", 0, Option::kValue},
                              {"ciphers", 0, Option::kValue},
                              {"max-redirs", 0, Option::kValue},
                              {"insecure", 'k', Option::kFlag},
                              {"silent", 's', Option::kFlag},
                              {"show-error", 'S', Option::kFlag},
                              {"verbose", 'v', Option::kFlag},
                              {"include", 'i', Option::kFlag},
                              {"location", 'L', Option::kFlag},
                              {"fail", 'f', Option::kFlag},
                              {"fail-with-body", 0, Option::kFlag},
                              {"globoff", 'g', Option::kFlag},
                              {"no-buffer", 'N', Option::kFlag},
                              {"remote-name", 'O', Option::kFlag},
                              {"http1.0", '0', Option::kFlag},
                              {"http1.1", 0, Option::kFlag},
                              {"http2", 0, Option::kFlag},
                              {"http2-prior-knowledge", 0, Option::kFlag},
                              {"http3", 0, Option::kFlag},
                              {"ipv4", '4', Option::kFlag},
                              {"ipv6", '6', Option::kFlag},
                              {"path-as-is", 0, Option::kFlag},
                              {"no-progress-meter", 0, Option::kFlag},
                              {"progress-bar", '#', Option::kFlag},
                              {"tlsv1.2", 0, Option::kFlag},
                              {"tlsv1.3", 0, Option::kFlag}};

// Collects the parts of a request from the options.
class CurlRequest {
 public:
  void take(Option option, const std::string& value) {
    switch (option) {
      case Option::kMethod: question_.method = value; break;
      case Option::kHeader: question_.headers.push_back(value); break;
      case Option::kData:
      case Option::kRawData:
      case Option::kEncodedData:
        add_data(option, value);
        implies("POST", "content-type", "application/x-www-form-urlencoded");
        break;
      case Option::kJson:
        if (!is_file(value)) data_ += value;
        implies("POST", "content-type", "application/json");
        implies("POST", "accept", "application/json");
        break;
      case Option::kForm:
        implies("POST", "content-type", "multipart/form-data");
        assume("the form is not sent: the body is empty");
        break;
      case Option::kHead: implied_method_ = "HEAD"; break;
      case Option::kGet: get_ = true; break;
      case Option::kUser:
        implied_.emplace_back("authorization",
                              "Basic " + crypto::base64_encode(value, crypto::Base64::kStandard));
        break;
      case Option::kBearer: implied_.emplace_back("authorization", "Bearer " + value); break;
      case Option::kAgent: implied_.emplace_back("user-agent", value); break;
      case Option::kCookie: implied_.emplace_back("cookie", value); break;
      case Option::kReferer: implied_.emplace_back("referer", value); break;
      case Option::kCompressed: implied_.emplace_back("accept-encoding", "deflate, gzip, br, zstd"); break;
      case Option::kUrl: question_.url = value; break;
      case Option::kValue:
      case Option::kFlag: break;
    }
  }

  Result<Question> question() && {
    if (question_.url.empty()) return Error{"the line has no URL"};
    const size_t slash = question_.url.find('/');
    if (question_.url.find("://") == std::string::npos && slash != 0)
      question_.url = "http://" + question_.url;
    if (get_) {
      implied_method_ = "GET";
      if (!data_.empty()) question_.url += (question_.url.find('?') == std::string::npos ? "?" : "&") + data_;
      std::erase_if(implied_, [](const auto& one) { return one.first == "content-type"; });
    }
    if (!get_) question_.body = std::move(data_);
    if (question_.method.empty()) question_.method = implied_method_;
    implied_.emplace_back("user-agent", "curl");
    implied_.emplace_back("accept", "*/*");
    for (const auto& [name, value] : implied_) {
      if (!names(name)) question_.headers.push_back(name + ": " + value);
    }
    std::erase_if(question_.headers, [](const std::string& header) {
      return header.find_first_of(":;") == std::string::npos;  // curl does not send such a header
    });
    // `Name:` removes a header, `Name;` sends an empty one.
    std::erase_if(question_.headers, [](const std::string& header) { return header.ends_with(':'); });
    for (std::string& header : question_.headers) {
      if (header.ends_with(';') && header.find(':') == std::string::npos) header.back() = ':';
    }
    return std::move(question_);
  }

 private:
  void assume(const char* what) { question_.assumed.emplace_back(what); }
  // True when `value` names a file; files on the machine of the user are not read.
  bool is_file(const std::string& value) {
    const bool named = value.starts_with('@');
    if (named) assume("the files that the line names are not read: their content is empty");
    return named;
  }
  void add_data(Option option, const std::string& value) {
    std::string added = value;
    if (option == Option::kEncodedData) {
      // The value has one of the forms `content`, `=content` and `name=content`.
      const size_t equals = value.find('=');
      const size_t content = equals == std::string::npos ? 0 : equals + 1;
      added = (equals == 0 ? "" : value.substr(0, content)) +
              http::percent_encode(std::string_view(value).substr(content));
    } else if (option == Option::kData && is_file(value)) {
      added.clear();
    }
    data_ += (data_.empty() ? "" : "&") + added;
  }
  void implies(const char* method, const char* name, const char* value) {
    implied_method_ = method;
    implied_.emplace_back(name, value);
  }
  bool names(std::string_view name) const {
    return std::any_of(question_.headers.begin(), question_.headers.end(), [name](const std::string& header) {
      return to_lower(std::string_view(header).substr(0, header.find_first_of(":;"))) == name;
    });
  }

  Question question_{};
  std::string implied_method_ = "GET";
  // Header fields that options imply; explicit headers replace them.
  std::vector<std::pair<std::string, std::string>> implied_;
  std::string data_;
  bool get_ = false;
};

const Known* find_option(std::string_view name, char letter) {
  const auto found = std::find_if(std::begin(kOptions), std::end(kOptions), [&](const Known& one) {
    return name.empty() ? one.letter == letter : one.name == name;
  });
  return found != std::end(kOptions) ? found : nullptr;
}

bool takes_value(Option option) {
  return option != Option::kFlag && option != Option::kHead && option != Option::kGet &&
         option != Option::kCompressed;
}

}  // namespace

Result<Question> read_curl_line(std::string_view line) {
  const auto words = split_words(line);
  if (!words) return Error{"a quote is not closed"};
  if (words->empty() || (*words)[0] != "curl") return Error{"the line does not begin with `curl`"};
  CurlRequest request;
  for (size_t i = 1; i < words->size(); ++i) {
    const std::string& word = (*words)[i];
    if (word.size() < 2 || word[0] != '-') {
      request.take(Option::kUrl, word);
      continue;
    }
    // Short options may be joined, and the value of the last may follow directly: -sSXPOST.
    const bool is_long = word[1] == '-';
    for (size_t at = 1; at < word.size(); ++at) {
      const Known* known = find_option(is_long ? std::string_view(word).substr(2) : "", word[at]);
      const std::string said = is_long ? word : std::string("-") + word[at];
      if (known == nullptr)
        return Error{"`" + said + "` is not supported: remove this option of curl from the line"};
      std::string value;
      if (takes_value(known->option)) {
        const bool follows = is_long || at + 1 == word.size();
        if (follows && ++i == words->size()) return Error{"`" + said + "` lacks its value"};
        value = follows ? (*words)[i] : word.substr(at + 1);
        at = word.size();
      }
      request.take(known->option, value);
      if (is_long) break;
    }
  }
  return std::move(request).question();
}

}  // namespace portcullis::control

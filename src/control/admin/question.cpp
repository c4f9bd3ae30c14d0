#include "control/admin/question.h"

#include <nlohmann/json.hpp>

#include <string>
#include <utility>

namespace portcullis::control {

Result<Question> read_question(const ServerRequest& request) {
  using nlohmann::json;
  const json asked = json::parse(request.body, nullptr, false);
  if (!asked.is_object())
    return Error{"send {\"curl\": LINE} or {\"method\": ..., \"url\": ..., \"headers\": [\"Name: value\"]}"};
  const auto text = [&asked](const char* key) {
    const auto found = asked.find(key);
    return found != asked.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  Question question;
  if (asked.contains("curl")) {
    auto read = read_curl_line(text("curl"));
    if (!read) return read.error();
    question = std::move(*read);
  } else {
    question.method = text("method");
    question.url = text("url");
    question.body = text("body");
    if (question.method.empty() || question.url.empty()) return Error{"`method` and `url` are needed"};
    const auto headers = asked.find("headers");
    if (headers != asked.end() && headers->is_array()) {
      for (const json& header : *headers) {
        if (header.is_string()) question.headers.push_back(header.get<std::string>());
      }
    }
  }
  question.client = text("client");
  question.listener = text("listener");
  question.certificate = text("certificate");
  return question;
}

}  // namespace portcullis::control

#include "control/admin/call.h"

#include "base/arena.h"
#include "base/json_text.h"
#include "http/query.h"

namespace portcullis::control {

std::string CallRequest::variable(std::string_view name) const {
  for (const auto& [its, value] : variables) {
    if (its == name) return value;
  }
  return {};
}

std::optional<std::string> CallRequest::parameter(std::string_view name) const {
  Arena arena;
  const auto found = http::find_query_parameter(http.head.query, name, arena);
  return found ? std::optional<std::string>(*found) : std::nullopt;
}

std::vector<std::string> CallRequest::all_parameters(std::string_view name) const {
  std::vector<std::string> out;
  http::for_each_query_parameter(http.head.query,
                                 [&](std::string_view encoded, std::string_view value, std::string_view) {
                                   if (http::decode_query_text(encoded) == name)
                                     out.push_back(http::decode_query_text(value));
                                   return true;
                                 });
  return out;
}

std::string_view CallRequest::field(std::string_view name) const {
  const http::Field* found = http.head.fields.find(name);
  return found != nullptr ? found->value : std::string_view();
}

Call::Handler at_once(std::function<ServerAnswer(const AdminWorld&, const CallRequest&)> answer) {
  // The table of calls, which lives until the end of the process, holds the function that the task refers to.
  return [answer = std::move(answer)](const AdminWorld& world,
                                      const CallRequest& request) -> Task<ServerAnswer> {
    ServerAnswer out = answer(world, request);
    co_return out;
  };
}

ServerAnswer json_answer(const nlohmann::json& document, uint16_t status) {
  return {.status = status, .content_type = media_type::kJson, .body = json_text(document) + "\n"};
}

}  // namespace portcullis::control

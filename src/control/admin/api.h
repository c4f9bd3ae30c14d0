#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "control/admin/endpoints.h"
#include "control/admin/live_feed.h"
#include "control/operations.h"
#include "http/h1/small_server.h"

namespace portcullis::control {

// Answers the admin listener's endpoints from what the gateway's operations give; docs/operations.md and
// docs/dashboard.md list them. Who may ask has been decided before. Control thread.
class AdminApi {
 public:
  using Request = http::h1::SmallRequest;
  using Answer = http::h1::SmallAnswer;

  // `operations` outlives this object.
  AdminApi(EventLoop& loop, Operations& operations);

  // Answers all endpoints but those of logging in and of sessions. `by`: who asks, for the audit log.
  // `may_stream`: asked before each event of a stream that it begins; false ends the stream.
  Task<Answer> answer(const Endpoint& endpoint, const Request& request, const std::string& by,
                      std::function<bool()> may_stream);

 private:
  Answer look(const Request& request) const;
  Answer series(std::string_view query) const;
  Answer live(std::function<bool()> may_stream);
  Answer tail(std::string_view query, std::function<bool()> may_stream);
  Task<Answer> explain(const Request& request) const;
  Task<Answer> change(const Request& request, const std::string& by);
  Answer act_on_target(std::string_view path, const std::string& by);
  Answer resume(std::string_view query, const std::string& by);
  Answer purge(std::string_view query, const std::string& by);

  Operations& operations_;
  LiveFeed feed_;
};

}  // namespace portcullis::control

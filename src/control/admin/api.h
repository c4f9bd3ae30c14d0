#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "control/admin/endpoints.h"
#include "control/admin/live_feed.h"
#include "control/http_connection.h"
#include "control/operations.h"

namespace portcullis::control {

// Answers the endpoints of the admin listener by calling Operations; docs/operations.md and docs/dashboard.md
// list the endpoints. The caller has checked the access rights before. Control thread.
class AdminApi {
 public:
  using Request = ServerRequest;
  using Answer = ServerAnswer;

  // `operations` outlives this object.
  AdminApi(EventLoop& loop, Operations& operations);

  // Answers all endpoints except those for logging in and out and for sessions. `by` is the name of the
  // caller, for the audit log. `may_stream` is called before each event of a stream; false ends the stream.
  Task<Answer> answer(const Endpoint& endpoint, const Request& request, const std::string& by,
                      std::function<bool()> may_stream);

  // Makes all streams call their `may_stream` now.
  void wake_streams() { feed_.wake(); }

 private:
  Answer look(const Request& request) const;
  Answer series(std::string_view query) const;
  Answer live(std::function<bool()> may_stream);
  Answer tail(std::string_view query, std::function<bool()> may_stream);
  Task<Answer> explain(const Request& request) const;
  Task<Answer> change(const Request& request, const std::string& by);
  Answer act_on_target(std::string_view path, const std::string& by);
  Answer resume(std::string_view query, const std::string& by);
  Answer act(const policy::OperatorAction& action, std::string_view query, const std::string& by);

  Operations& operations_;
  LiveFeed feed_;
};

}  // namespace portcullis::control

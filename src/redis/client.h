#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "redis/servers.h"

namespace portcullis::redis {

// One worker's access to the Redis servers of the settings: one server, the primary that sentinels name, or a
// Redis Cluster. On the thread of `loop`, which must outlive the client.
class Client {
 public:
  // `pool` resolves host names and reads files; null when the loop's thread may block. `shared` must outlive
  // the client.
  Client(EventLoop& loop, SidePool* pool, Shared& shared);

  const Settings& settings() const { return shared_.settings; }
  EventLoop& loop() const { return loop_; }

  // Runs `script` on the server by its SHA-1, or sends the whole script when the server does not know it. In
  // a cluster, all keys must be in one slot. A script that a server may have run is not sent again. The
  // waiting coroutine may be destroyed. Allocates memory, which costs far less than the round trip.
  Task<Reply> run_script(std::string_view script, std::string_view sha1, std::vector<std::string> keys,
                         std::vector<std::string> arguments);
  // Sends commands to the server that has `key`, and yields the last reply. They are sent at most once.
  Task<Reply> run(Request request, std::string key);

 private:
  EventLoop& loop_;
  Shared& shared_;
  std::unique_ptr<Servers> servers_;
};

// The SHA-1 by which Redis identifies a script.
std::string script_sha1(std::string_view script);

}  // namespace portcullis::redis

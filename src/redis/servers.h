#pragma once

#include <cstdint>
#include <memory>

#include "redis/reply.h"
#include "redis/request.h"
#include "redis/shared.h"
#include "runtime/event_loop.h"
#include "runtime/side_pool.h"
#include "runtime/task.h"

namespace portcullis::redis {

// Decides which server gets a command. On the loop's thread.
class Servers {
 public:
  virtual ~Servers() = default;

  // Sends the commands to the server that has the keys of `slot`, and yields the last reply. A command that a
  // server may have executed is not sent again. `request` must live until then.
  virtual Task<Reply> ask(const Request& request, uint16_t slot) = 0;
};

// One server with a fixed address, or the primary that sentinels name: as the settings of `shared` say.
std::unique_ptr<Servers> make_single_server(EventLoop& loop, SidePool* pool, Shared& shared);
// The nodes of a Redis Cluster.
std::unique_ptr<Servers> make_cluster(EventLoop& loop, SidePool* pool, Shared& shared);

}  // namespace portcullis::redis

#include "policy/cache/storing.h"

namespace portcullis::policy::cache {

Task<void> store_body(ResponseBody::Released received, std::unique_ptr<engine::Filling> filling,
                      EventLoop& loop) {
  http::BodySource& body = *received.body;
  http::BodyPart part;
  body.head_sent();
  do {
    Task<bool> reading = http::read_part(body, part);
    if (!co_await reading) co_return;
    for (const iovec& run : part.runs.pieces()) filling->append(http::text_of(run));
    if (part.last || !filling->has_to_wait()) continue;
    body.release();
    Task<bool> waiting = filling->wait(loop, received.timeout);
    if (!co_await waiting) co_return;
  } while (!part.last);
  filling->finish();
}

}  // namespace portcullis::policy::cache

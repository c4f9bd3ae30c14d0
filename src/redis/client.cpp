#include "redis/client.h"

#include <openssl/evp.h>

#include "crypto/encoding.h"
#include "redis/key_slot.h"

namespace portcullis::redis {

Client::Client(EventLoop& loop, SidePool* pool, Shared& shared)
    : loop_(loop),
      shared_(shared),
      servers_(shared.settings.cluster.empty() ? make_single_server(loop, pool, shared)
                                               : make_cluster(loop, pool, shared)) {}

Task<Reply> Client::run_script(std::string_view script, std::string_view sha1, std::vector<std::string> keys,
                               std::vector<std::string> arguments) {
  const std::string count = std::to_string(keys.size());
  std::vector<std::string_view> words{"EVALSHA", sha1, count};
  words.insert(words.end(), keys.begin(), keys.end());
  words.insert(words.end(), arguments.begin(), arguments.end());
  const uint16_t slot = shared_.settings.cluster.empty() ? 0 : key_slot(keys.front());
  Request request = Request::of(words);
  Task<Reply> asking = servers_->ask(request, slot);
  Reply reply = co_await asking;
  if (!reply.is_error("NOSCRIPT")) co_return reply;
  words[0] = "EVAL";
  words[1] = script;
  request = Request::of(words);
  asking = servers_->ask(request, slot);
  co_return co_await asking;
}

Task<Reply> Client::run(Request request, std::string key) {
  const uint16_t slot = shared_.settings.cluster.empty() ? 0 : key_slot(key);
  Task<Reply> asking = servers_->ask(request, slot);
  co_return co_await asking;
}

std::string script_sha1(std::string_view script) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  size_t size = 0;
  EVP_Q_digest(nullptr, "SHA1", nullptr, script.data(), script.size(), digest, &size);
  return crypto::hex_encode({reinterpret_cast<const char*>(digest), size});
}

}  // namespace portcullis::redis

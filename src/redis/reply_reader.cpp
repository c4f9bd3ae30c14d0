#include "redis/reply_reader.h"

#include <hiredis/read.h>

#include <utility>

namespace portcullis::redis {

// The parser creates the elements of a list after the list, and tells each one's place in it.
struct ReplyReader::Build {
  static Reply* place_of(const redisReadTask* task) {
    if (task->parent == nullptr) return &static_cast<ReplyReader*>(task->privdata)->root_;
    return &static_cast<Reply*>(task->parent->obj)->list[static_cast<size_t>(task->idx)];
  }
  static void* text(const redisReadTask* task, char* data, size_t size) {
    Reply* const reply = place_of(task);
    reply->kind = task->type == REDIS_REPLY_ERROR ? Reply::Kind::kError : Reply::Kind::kText;
    reply->text.assign(data, size);
    return reply;
  }
  static void* list(const redisReadTask* task, int elements) {
    auto& self = *static_cast<ReplyReader*>(task->privdata);
    self.elements_ += static_cast<size_t>(elements);
    if (self.elements_ > kMaxElements) return nullptr;  // which the parser takes for a lack of memory
    Reply* const reply = place_of(task);
    reply->kind = Reply::Kind::kList;
    reply->list.resize(static_cast<size_t>(elements));
    return reply;
  }
  static void* integer(const redisReadTask* task, long long value) {
    Reply* const reply = place_of(task);
    reply->kind = Reply::Kind::kInteger;
    reply->integer = value;
    return reply;
  }
  static void* nil(const redisReadTask* task) {
    Reply* const reply = place_of(task);
    reply->kind = Reply::Kind::kNil;
    return reply;
  }
  static void free(void* reply) { *static_cast<Reply*>(reply) = {}; }

  static inline redisReplyObjectFunctions functions{text, list, integer, nil, free};
};

void ReplyReader::Freed::operator()(redisReader* reader) const {
  ::redisReaderFree(reader);
}

ReplyReader::ReplyReader() : reader_(::redisReaderCreateWithFunctions(&Build::functions)) {
  if (reader_) {
    reader_->privdata = this;
  } else {
    fault_ = "there is no memory for its replies";
  }
}

void ReplyReader::feed(std::string_view bytes) {
  if (!fault_.empty()) return;
  if (reader_->len - reader_->pos + bytes.size() > kMaxBytes) {
    fault_ = "its reply is too large";
  } else if (::redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK) {
    fault_ = "there is no memory for its replies";
  }
}

std::optional<Reply> ReplyReader::next() {
  if (!fault_.empty()) return std::nullopt;
  void* reply = nullptr;
  if (::redisReaderGetReply(reader_.get(), &reply) != REDIS_OK) {
    fault_ =
        elements_ > kMaxElements ? "its reply is too large" : "its reply is not one of the Redis protocol";
    return std::nullopt;
  }
  if (reply == nullptr) return std::nullopt;
  elements_ = 0;
  return std::exchange(root_, {});
}

}  // namespace portcullis::redis

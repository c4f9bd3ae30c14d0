#include "runtime/loop_disposal.h"

#include <gtest/gtest.h>

#include <thread>

namespace portcullis {
namespace {

// Notes the thread that destroys it.
struct NotesItsEnd {
  explicit NotesItsEnd(std::thread::id& on) : ended_on(on) {}
  NotesItsEnd(const NotesItsEnd&) = delete;
  NotesItsEnd& operator=(const NotesItsEnd&) = delete;
  ~NotesItsEnd() { ended_on = std::this_thread::get_id(); }

  std::thread::id& ended_on;
};

class LoopDisposalTest : public ::testing::Test {
 protected:
  std::shared_ptr<NotesItsEnd> make() { return disposal_.guard(std::make_shared<NotesItsEnd>(ended_on_)); }
  // Lets go of the pointer on another thread.
  static void drop_elsewhere(std::shared_ptr<NotesItsEnd> object) {
    std::thread([its = std::move(object)]() mutable { its.reset(); }).join();
  }

  std::thread::id ended_on_;
  EventLoop loop_;
  LoopDisposal disposal_{loop_};
};

TEST_F(LoopDisposalTest, WhatAnotherThreadLetsGoIsDestroyedOnTheLoopsThread) {
  drop_elsewhere(make());
  EXPECT_EQ(ended_on_, std::thread::id());
  loop_.run_once(Milliseconds(1'000));
  EXPECT_EQ(ended_on_, std::this_thread::get_id());
}

TEST_F(LoopDisposalTest, AnObjectLivesAsLongAsACopyOfThePointer) {
  std::shared_ptr<NotesItsEnd> copy = make();
  drop_elsewhere(copy);
  loop_.run_once(Milliseconds(0));
  EXPECT_EQ(ended_on_, std::thread::id());
  copy.reset();
  loop_.run_once(Milliseconds(1'000));
  EXPECT_EQ(ended_on_, std::this_thread::get_id());
}

TEST_F(LoopDisposalTest, ClosingDestroysWhatWaitsForTheLoop) {
  drop_elsewhere(make());
  disposal_.close();
  EXPECT_EQ(ended_on_, std::this_thread::get_id());
}

TEST_F(LoopDisposalTest, AfterClosingAnObjectIsDestroyedAtOnce) {
  auto object = make();
  disposal_.close();
  object.reset();
  EXPECT_EQ(ended_on_, std::this_thread::get_id());
}

}  // namespace
}  // namespace portcullis

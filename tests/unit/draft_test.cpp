#include "control/revisions/draft.h"

#include <gtest/gtest.h>

namespace portcullis::control {
namespace {

ObjectId drafted_id(const std::string& name) {
  return {config::find_object_kind("routes"), name};
}

// An object of the API; with `column` 1 one of a file.
ObjectPointer drafted(const std::string& name, const std::string& json, size_t column = 0) {
  const config::Location place{config::FileName::unshared("routes/" + name), 1, column};
  return std::make_shared<config::Object>(config::Object{
      .kind = drafted_id(name).kind, .name = name, .json = json, .secrets = {"/x"}, .location = place});
}

std::string drafted_json(const std::string& name, const std::string& x) {
  return R"({"name":")" + name + R"(","x":")" + x + R"("})";
}

LiveObjects live_with(std::vector<ObjectPointer> objects, uint64_t number = 1) {
  LiveObjects out;
  out.replace({nullptr, std::move(objects)}, number);
  return out;
}

std::string contents_of_view(const LiveObjects& objects) {
  std::string out;
  for (const auto& [id, entry] : objects.entries())
    out += entry.object->json + "@" + std::to_string(entry.revision) + "\n";
  return out;
}

TEST(ObjectsDraftTest, ReadsShowWhatIsLiveWithTheDraftOnIt) {
  const LiveObjects live =
      live_with({drafted("gone", "1"), drafted("kept", "1"), drafted("changed", "1")}, 4);
  ObjectsDraft draft;
  draft.objects[drafted_id("gone")] = {nullptr, drafted("gone", "1")};
  draft.objects[drafted_id("changed")] = {drafted("changed", "2"), drafted("changed", "1")};
  draft.objects[drafted_id("new")] = {drafted("new", "3"), nullptr};
  EXPECT_EQ(contents_of_view(with_draft(live, draft)), "2@0\n1@4\n3@0\n");
}

TEST(ObjectsDraftTest, AnObjectOfAFileStaysWhatItIs) {
  const LiveObjects live = live_with({drafted("a", "of the file", 1)});
  ObjectsDraft draft;
  draft.objects[drafted_id("a")] = {drafted("a", "of the draft"), nullptr};
  EXPECT_EQ(contents_of_view(with_draft(live, draft)), "of the file@1\n");
}

TEST(ObjectsDraftTest, AWriteThatRestoresWhatIsLiveLeavesTheDraft) {
  const LiveObjects live = live_with({drafted("a", "1")});
  ObjectsDraft draft;
  Resolved change{.objects = {}, .touched = {drafted_id("a")}, .after = {drafted("a", "2")}};
  write_into(draft, change, live);
  ASSERT_EQ(draft.objects.size(), 1U);
  EXPECT_EQ(draft.objects.begin()->second.base->json, "1");
  change.after = {drafted("a", "1")};
  write_into(draft, change, live);
  EXPECT_TRUE(draft.objects.empty());
}

TEST(ObjectsDraftTest, ItsTextHasAllOfIt) {
  ObjectsDraft draft{.author = "ada",
                     .time = std::chrono::sys_seconds(std::chrono::seconds(1'800'000'000)),
                     .changed_by = "bob",
                     .changed = std::chrono::sys_seconds(std::chrono::seconds(1'800'000'001))};
  draft.objects[drafted_id("a")] = {drafted("a", drafted_json("a", "secret")), nullptr};
  draft.objects[drafted_id("b")] = {nullptr, drafted("b", drafted_json("b", "1"), 1)};
  const auto read = draft_of(text_of(draft));
  ASSERT_TRUE(read);
  EXPECT_EQ(text_of(*read), text_of(draft));
  EXPECT_EQ(read->changed_by, "bob");
  EXPECT_EQ(read->changed - read->time, std::chrono::seconds(1));
  const DraftedObject& a = read->objects.at(drafted_id("a"));
  EXPECT_EQ(a.draft->secrets, std::vector<std::string>{"/x"});
  EXPECT_FALSE(a.draft->is_from_file());
  EXPECT_TRUE(read->objects.at(drafted_id("b")).base->is_from_file());
}

TEST(ObjectsDraftTest, ATextThatDoesNotSayWhoWroteLastNamesTheFirst) {
  const auto read = draft_of(R"({"author":"ada","time":7,"objects":[]})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->changed_by, "ada");
  EXPECT_EQ(read->changed, read->time);
}

TEST(ObjectsDraftTest, OtherTextsAreNoDrafts) {
  for (const char* text : {"", "[]", R"({"author":"a"})", R"({"author":1,"time":1,"objects":[]})",
                           R"({"author":"a","time":1,"objects":[{"kind":"ghosts","name":"a"}]})"})
    EXPECT_FALSE(draft_of(text)) << text;
}

TEST(ObjectsDraftTest, AnObjectThatHasChangedSinceIsAConflictWithoutItsSecrets) {
  ObjectsDraft draft;
  draft.objects[drafted_id("a")] = {drafted("a", drafted_json("a", "2")),
                                    drafted("a", drafted_json("a", "1"))};
  draft.objects[drafted_id("b")] = {drafted("b", drafted_json("b", "2")), nullptr};
  EXPECT_FALSE(refuse_overtaken(draft, live_with({drafted("a", drafted_json("a", "1"))}, 9)));
  const auto refusal = refuse_overtaken(draft, live_with({drafted("a", drafted_json("a", "other"))}));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->status, 409);
  const nlohmann::json expected = nlohmann::json::parse(
      R"([{"kind":"routes","name":"a","base":{"name":"a","x":"***"},"live":{"name":"a","x":"***"},
           "draft":{"name":"a","x":"***"}}])");
  EXPECT_EQ(refusal->members["objects"], expected);
}

TEST(ObjectsDraftTest, IsPublishedByAnEditForEachObject) {
  ObjectsDraft draft;
  draft.objects[drafted_id("a")] = {drafted("a", drafted_json("a", "1")), nullptr};
  draft.objects[drafted_id("b")] = {nullptr, drafted("b", drafted_json("b", "1"))};
  const std::vector<Edit> edits = edits_of(draft);
  ASSERT_EQ(edits.size(), 2U);
  EXPECT_EQ(edits[0].what, Edit::What::kPut);
  EXPECT_EQ((*edits[0].value)["x"], "1");
  EXPECT_EQ(edits[0].secrets, std::vector<std::string>{"/x"});
  EXPECT_EQ(edits[1].what, Edit::What::kDelete);
}

}  // namespace
}  // namespace portcullis::control

// How far a cluster is with a canary that its nodes serve one after the other.

#include "control/cluster/canary_steps.h"

#include <gtest/gtest.h>

namespace portcullis::control {
namespace {

using Nodes = std::map<std::string, cluster::ListedNode>;

cluster::ListedNode node_with(uint64_t canary) {
  cluster::ListedNode out{.node = {.id = "any"}, .alive = true, .member = true};
  out.node.canary = canary;
  return out;
}

cluster::Canary canary_at(std::vector<std::string> turns) {
  return {.revision = 7, .base = 5, .rules = "rules", .turns = std::move(turns)};
}

TEST(CanarySteps, NodesWaitInTheOrderOfTheirNames) {
  Nodes nodes{{"n3", node_with(7)}, {"n1", node_with(7)}, {"n2", node_with(7)}};
  for (const char* had_turn : {"n1", "n3"}) nodes[had_turn].node.turn = 7;
  EXPECT_EQ(steps_of(canary_at({}), nodes).waiting, (std::vector<std::string>{"n1", "n2", "n3"}));
  const CanarySteps steps = steps_of(canary_at({"n1", "n3"}), nodes);
  EXPECT_EQ(steps.waiting, std::vector<std::string>{"n2"});
  EXPECT_TRUE(steps.is_ready);
  EXPECT_EQ(steps.fault, "");
}

TEST(CanarySteps, ANodeWithoutTheCanaryHoldsItUp) {
  Nodes nodes{{"n1", node_with(7)}, {"n2", node_with(0)}};
  nodes["n1"].node.turn = 7;
  EXPECT_FALSE(steps_of(canary_at({"n1"}), nodes).is_ready);
  nodes["n2"].node.state = "draining";
  EXPECT_TRUE(steps_of(canary_at({"n1"}), nodes).is_ready);
  EXPECT_TRUE(steps_of(canary_at({"n1"}), nodes).waiting.empty());
}

TEST(CanarySteps, ANodeThatHasNotTakenItsTurnHoldsItUp) {
  Nodes nodes{{"n1", node_with(7)}, {"n2", node_with(7)}};
  EXPECT_FALSE(steps_of(canary_at({"n1"}), nodes).is_ready);
  nodes["n1"].node.turn = 7;
  EXPECT_TRUE(steps_of(canary_at({"n1"}), nodes).is_ready);
}

TEST(CanarySteps, NothingIsReadyWithoutANodeThatServes) {
  EXPECT_FALSE(steps_of(canary_at({}), {}).is_ready);
  Nodes nodes{{"n1", node_with(7)}};
  nodes["n1"].node.turn = 7;
  nodes["n1"].node.state = "draining";
  EXPECT_FALSE(steps_of(canary_at({"n1"}), nodes).is_ready);
}

TEST(CanarySteps, ANodeThatCannotServeTheRevisionBeforeIsAFault) {
  Nodes nodes{{"n1", node_with(7)}, {"n2", node_with(0)}};
  nodes["n2"].node.refused = 5;
  nodes["n2"].node.last_error = "no such file";
  EXPECT_EQ(steps_of(canary_at({}), nodes).fault,
            "the node `n2` cannot serve the revision before it: no such file");
}

TEST(CanarySteps, ANodeThatCannotServeItIsAFault) {
  Nodes nodes{{"n1", node_with(7)}, {"n2", node_with(0)}};
  nodes["n2"].node.refused = 7;
  nodes["n2"].node.last_error = "no such file";
  EXPECT_EQ(steps_of(canary_at({}), nodes).fault, "the node `n2` cannot serve it: no such file");
  nodes["n2"].node.refused = 4;
  EXPECT_EQ(steps_of(canary_at({}), nodes).fault, "");
}

TEST(CanarySteps, OnlyTheLossOfANodeWhoseTurnHasComeIsAFault) {
  Nodes nodes{{"n1", node_with(7)}, {"n2", node_with(7)}};
  nodes["n2"].alive = false;
  EXPECT_EQ(steps_of(canary_at({"n1"}), nodes).fault, "");
  EXPECT_TRUE(steps_of(canary_at({"n1"}), nodes).waiting.empty());
  EXPECT_EQ(steps_of(canary_at({"n1", "n2"}), nodes).fault, "the node `n2` is lost");
  nodes["n2"].member = false;  // it has taken its leave
  EXPECT_EQ(steps_of(canary_at({"n1", "n2"}), nodes).fault, "");
}

}  // namespace
}  // namespace portcullis::control

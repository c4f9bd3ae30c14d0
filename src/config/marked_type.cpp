#include "config/marked_type.h"

#include <nlohmann/json.hpp>

#include <utility>

#include "base/secret_name.h"

namespace portcullis::config {
namespace {

class MarkedType final : public TypeFor<std::string> {
 public:
  using Applies = std::function<bool(const std::string&)>;

  MarkedType(Type<std::string> text, YamlNode::Mark mark, Applies applies)
      : text_(std::move(text)), mark_(mark), applies_(std::move(applies)) {}

  void read(const YamlNode& node, std::string& out, Diagnostics& diagnostics) const override {
    if (mark_ == YamlNode::Mark::kFile && node.location.is_from_api() && !node.scalar.empty() &&
        !(node.scalar.starts_with('/') && diagnostics.may_name_file(node.scalar)))
      return diagnostics.error(
          node.location, "`" + node.scalar +
                             "` is not in this node's `store.references`: objects of the API can use only "
                             "files that are listed there, by absolute paths");
    if (applies_ == nullptr || applies_(node.scalar)) node.mark = mark_;
    if (node.mark != YamlNode::Mark::kSecret) return text_.load(node, out, diagnostics);
    Diagnostics found;
    text_.load(node, out, found);
    for (const Diagnostic& one : found.sorted()) {
      if (one.severity == Severity::kError) {
        diagnostics.error(one.location, without_secret(one.message, node.scalar));
      } else {
        diagnostics.warning(one.location, without_secret(one.message, node.scalar), one.check);
      }
    }
  }
  nlohmann::json json_schema() const override {
    nlohmann::json schema = text_->json_schema();
    if (mark_ == YamlNode::Mark::kSecret && applies_ == nullptr) schema["format"] = "password";
    return schema;
  }
  std::string describe() const override { return text_->describe(); }
  std::string example() const override { return text_->example(); }
  std::optional<std::string> write(const std::string& value) const override { return text_.yaml_of(value); }

 private:
  Type<std::string> text_;
  YamlNode::Mark mark_;
  Applies applies_;
};

}  // namespace

Type<std::string> secret(const Type<std::string>& text) {
  return std::make_shared<MarkedType>(text, YamlNode::Mark::kSecret, nullptr);
}

Type<std::string> secret_if(const Type<std::string>& text, std::function<bool(const std::string&)> contains) {
  return std::make_shared<MarkedType>(text, YamlNode::Mark::kSecret, std::move(contains));
}

Type<std::string> file_path(std::string example) {
  return std::make_shared<MarkedType>(text(std::move(example)), YamlNode::Mark::kFile, nullptr);
}

}  // namespace portcullis::config

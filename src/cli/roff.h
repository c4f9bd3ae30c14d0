#pragma once

#include <string>

namespace portcullis::cli {

// Writes a manual page with roff's man macros. Texts are plain; words in backticks become bold.
class RoffPage {
 public:
  // `section`: 1 for commands, 5 for files.
  RoffPage(const std::string& name, int section);

  // Writes the section NAME, which indexing programs read.
  void name(const std::string& what, const std::string& summary);
  void heading(const std::string& text);
  void subheading(const std::string& text);
  // Writes paragraphs, which are separated by empty lines in `text`.
  void paragraph(const std::string& text);
  // Writes a term in bold, `detail` in italics (may be empty), and the meaning below.
  void term(const std::string& term, const std::string& detail, const std::string& meaning);
  // Writes lines without reformatting.
  void literal(const std::string& text);

  std::string text() && { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace portcullis::cli

// SPDX-License-Identifier: Apache-2.0
// Layers written: read back by our own TarReader, by GNU tar, applied to a root, and made twice.
#include "imagetool/layer/layer_writer.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <map>

#include "imagetool/layer/apply_layer.hpp"
#include "imagetool/layer/file_tree.hpp"
#include "imagetool/layer/inflate.hpp"
#include "imagetool/layer/tar_writer.hpp"
#include "imagetool/layer/tree_layer.hpp"
#include "tests/support/layer_fixture.hpp"

namespace {

namespace fs = std::filesystem;

struct Made {
  std::string bytes;
  WrittenLayer written;
};

template <typename Fill>
Made make(const Fill& fill, LayerWriterOptions options = {}) {
  Made made;
  LayerWriter layer(
      [&](std::span<const std::byte> bytes) {
        made.bytes.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      },
      options);
  fill(layer);
  made.written = layer.finish();
  return made;
}

std::string tar_of(const std::string& layer) {
  Inflate inflate(source_of(layer));
  std::string tar(std::size_t{1} << 22, '\0');
  std::size_t size = 0;
  for (;;) {
    if (tar.size() - size < 65536) tar.resize(tar.size() * 2);
    const std::size_t count =
        inflate.read(std::as_writable_bytes(std::span(tar.data() + size, tar.size() - size)));
    if (count == 0) break;
    size += count;
  }
  tar.resize(size);
  return tar;
}

/// Name → entry, in tar order under `order`.
std::map<std::string, TarEntry> entries_of(const std::string& layer,
                                           std::vector<std::string>* order = nullptr) {
  TarReader reader(chunks_of(tar_of(layer)));
  std::map<std::string, TarEntry> entries;
  for (TarEntry entry; reader.next(entry);) {
    entries[entry.name] = entry;
    if (order != nullptr) order->push_back(entry.name);
  }
  return entries;
}

std::string output_of(const std::string& command) {
  std::string text;
  FILE* const pipe = ::popen(command.c_str(), "re");
  std::array<char, 4096> buffer{};
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe))
    text.append(buffer.data(), count);
  EXPECT_EQ(::pclose(pipe), 0) << command << '\n' << text;
  return text;
}

void write(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

class LayerWriterTest : public LayerFixture {
 protected:
  fs::path tree() const { return directory_ / "tree"; }
  void SetUp() override { fs::create_directory(tree()); }
  Made layer_of_tree(LayerWriterOptions options = {}) {
    return make([&](LayerWriter& layer) { add_tree(layer, RootedDir::open(tree())); }, options);
  }
  /// Applies a written layer to root() and returns its diffID.
  Digest apply_made(const Made& made) {
    return apply_layer(source_of(made.bytes), RootedDir::open(root())).diff_id;
  }
};

const std::string kLongName(120, 'n');
const std::string kLongPath = "a/" + std::string(200, 'd') + "/" + std::string(200, 'f');

TEST_F(LayerWriterTest, DigestAndDiffIdAreThoseOfTheBytes) {
  for (const char* const how : {"none", "gzip", "gzip:0", "gzip:3", "zstd", "zstd:1"}) {
    write(tree() / "file", std::string(3'000'000, 'x') + how);
    const Made made = layer_of_tree({.compression = Compression::parse(how)});
    EXPECT_EQ(made.written.digest, sha256_of(made.bytes)) << how;
    EXPECT_EQ(made.written.diff_id, sha256_of(tar_of(made.bytes))) << how;
    EXPECT_EQ(made.written.size, made.bytes.size());
    EXPECT_EQ(apply_made(made), made.written.diff_id);
    EXPECT_EQ(content("file").size(), 3'000'000 + std::string(how).size());
  }
  EXPECT_THROW(Compression::parse("gzip:9"), UsageError);
  EXPECT_THROW(Compression::parse("lzma"), UsageError);
  EXPECT_THROW(Compression::parse("zstd:x"), UsageError);
}

TEST_F(LayerWriterTest, EverythingComesBack) {
  fs::create_directory(tree() / "dir");
  write(tree() / "dir" / "file", "content");
  fs::create_hard_link(tree() / "dir" / "file", tree() / "link");
  fs::create_symlink("../dir/file", tree() / "dir" / "symlink");
  fs::create_directories((tree() / kLongPath).parent_path());
  write(tree() / kLongPath, "long");
  fs::create_symlink(std::string(300, 't'), tree() / kLongName);
  write(tree() / "latin-\xe9", "not UTF-8");
  ASSERT_EQ(::mkfifo((tree() / "fifo").c_str(), 0640), 0);
  ASSERT_EQ(::chmod((tree() / "dir" / "file").c_str(), 04711), 0);
  ASSERT_EQ(::setxattr((tree() / "dir").c_str(), "user.key", "a=b\n", 4, 0), 0);
  const std::timespec times[2] = {{1, 0}, {-5, 250'000'000}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (tree() / "fifo").c_str(), times, 0), 0);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  std::strncpy(address.sun_path, (tree() / "socket").c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(socket);

  apply_made(layer_of_tree({.nanoseconds = true}));
  EXPECT_EQ(content("dir/file"), "content");
  EXPECT_EQ(inode("dir/file"), inode("link"));
  EXPECT_EQ(target("dir/symlink"), "../dir/file");
  EXPECT_EQ(content(kLongPath), "long");
  EXPECT_EQ(target(kLongName), std::string(300, 't'));
  EXPECT_EQ(content("latin-\xe9"), "not UTF-8");
  EXPECT_EQ(mode("dir/file"), 04711U);
  EXPECT_EQ(mode("fifo"), 0640U);
  EXPECT_EQ(status("fifo").st_mtim.tv_sec, -5);
  EXPECT_EQ(status("fifo").st_mtim.tv_nsec, 250'000'000);
  EXPECT_EQ(xattr("dir", "user.key"), "a=b\n");
  EXPECT_FALSE(exists("socket"));
  FileTree one = FileTree::read(RootedDir::open(root()));
  FileTree other = FileTree::read(RootedDir::open(tree()));
  compare_trees(one, other, [](const TreeChange& change) {
    if (!change.path.empty()) ADD_FAILURE() << change.path << ": " << change.what;
  });
}

TEST_F(LayerWriterTest, GnuTarReadsTheSame) {
  fs::create_directories((tree() / kLongPath).parent_path());
  write(tree() / kLongPath, "long");
  write(tree() / "file", "12345");
  fs::create_symlink(std::string(150, 't'), tree() / "symlink");
  fs::create_hard_link(tree() / "file", tree() / "second");
  const Made made = layer_of_tree({.latest_time = 86400});
  write(directory_ / "layer.tar.gz", made.bytes);
  const std::string list = output_of("TZ=UTC tar --numeric-owner -tvzf " +
                                     std::string(directory_ / "layer.tar.gz") + " 2>&1");
  const auto has = [&](const std::string& text) {
    EXPECT_NE(list.find(text), std::string::npos) << text << " in\n" << list;
  };
  has("5 1970-01-02 00:00 file\n");
  has(kLongPath);
  has("symlink -> " + std::string(150, 't'));
  has("second link to file\n");
  EXPECT_EQ(list.find("tar:"), std::string::npos) << list;
}

TEST_F(LayerWriterTest, IsTheSameWheneverItIsMade) {
  for (const char* const name : {"b", "a", "c"}) write(tree() / name, name);
  const Made first = layer_of_tree({.latest_time = 1'000'000});
  fs::remove(tree() / "a");
  write(tree() / "a", "a");  // another inode, another place in the directory, another time
  const Made second = layer_of_tree({.latest_time = 1'000'000});
  EXPECT_EQ(first.bytes, second.bytes);
  std::vector<std::string> order;
  EXPECT_EQ(entries_of(first.bytes, &order).at("a").mtime.tv_sec, 1'000'000);
  EXPECT_EQ(order, (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(LayerWriterTest, LargeNumbersTakePax) {
  const Made made = make([](LayerWriter& layer) {
    layer.add({.kind = TarEntry::Kind::kDirectory,
               .name = "d",
               .mode = 0755,
               .uid = 4'000'000'000,
               .gid = 3'000'000'000,
               .mtime = {.tv_sec = 10'000'000'000, .tv_nsec = 0}});
  });
  const TarEntry entry = entries_of(made.bytes).at("d/");
  EXPECT_EQ(entry.uid, 4'000'000'000U);
  EXPECT_EQ(entry.gid, 3'000'000'000U);
  EXPECT_EQ(entry.mtime.tv_sec, 10'000'000'000);
}

TEST_F(LayerWriterTest, NineGigabytesAreSaidInPax) {
  std::string header;
  tar::append_header({.name = "big", .size = std::uint64_t{9} << 30}, header);
  EXPECT_NE(header.find(" size=9663676416\n"), std::string::npos);
}

TEST_F(LayerWriterTest, ChangesAgainstATree) {
  for (const char* const name : {"kept", "gone", "changed", "replaced", "same-size"})
    write(tree() / name, name);
  fs::create_directories(tree() / "dir" / "sub");
  write(tree() / "dir" / "sub" / "file", "x");
  const FileTree before = FileTree::read(RootedDir::open(tree()));
  // The image is in root() already, as a lower layer would be.
  fs::copy(tree(), root(), fs::copy_options::recursive);

  struct stat old = {};
  ASSERT_EQ(::stat((tree() / "same-size").c_str(), &old), 0);
  write(tree() / "same-size", "emas-size");
  const std::timespec times[2] = {old.st_atim, old.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, (tree() / "same-size").c_str(), times, 0), 0);
  fs::remove(tree() / "gone");
  write(tree() / "changed", "otherwise");
  fs::remove(tree() / "replaced");
  fs::create_directory(tree() / "replaced");
  write(tree() / "replaced" / "below", "new");
  fs::remove_all(tree() / "dir" / "sub");

  const Made made =
      make([&](LayerWriter& layer) { add_changes(layer, before, RootedDir::open(tree())); });
  std::vector<std::string> order;
  const auto entries = entries_of(made.bytes, &order);
  EXPECT_EQ(order.front(), ".wh.gone");  // whiteouts before siblings
  EXPECT_TRUE(entries.contains("dir/.wh.sub"));
  EXPECT_TRUE(entries.contains("same-size")) << "equal size and time, other content";
  EXPECT_FALSE(entries.contains("kept"));
  EXPECT_FALSE(entries.contains("dir/sub/.wh.file"));
  apply_made(made);
  EXPECT_FALSE(exists("gone"));
  EXPECT_FALSE(exists("dir/sub"));
  EXPECT_EQ(content("same-size"), "emas-size");
  EXPECT_EQ(content("replaced/below"), "new");
}

TEST_F(LayerWriterTest, NothingChangedIsAnEmptyLayer) {
  write(tree() / "file", "x");
  const FileTree before = FileTree::read(RootedDir::open(tree()));
  const Made made =
      make([&](LayerWriter& layer) { add_changes(layer, before, RootedDir::open(tree())); });
  EXPECT_EQ(made.written.entries, 0U);
  EXPECT_EQ(made.written.tar_bytes, 1024U);
}

TEST_F(LayerWriterTest, OverlayUpper) {
  if (::geteuid() != 0) GTEST_SKIP() << "trusted.* attributes need root";
  write(tree() / "new", "x");
  ASSERT_EQ(::mknod((tree() / "gone").c_str(), S_IFCHR, 0), 0);
  fs::create_directory(tree() / "opaque");
  write(tree() / "opaque" / "only", "x");
  if (::setxattr((tree() / "opaque").c_str(), "trusted.overlay.opaque", "y", 1, 0) != 0)
    GTEST_SKIP() << "no trusted.* attributes here";
  ::setxattr((tree() / "opaque").c_str(), "trusted.overlay.origin", "o", 1, 0);
  const auto layer_of_upper = [&] {
    return make([&](LayerWriter& layer) { add_overlay_upper(layer, RootedDir::open(tree())); });
  };
  std::vector<std::string> order;
  const auto entries = entries_of(layer_of_upper().bytes, &order);
  EXPECT_EQ(order, (std::vector<std::string>{".wh.gone", "new", "opaque/", "opaque/.wh..wh..opq",
                                             "opaque/only"}));
  EXPECT_TRUE(entries.at("opaque/").xattrs.empty());
  ASSERT_EQ(::setxattr((tree() / "opaque").c_str(), "trusted.overlay.redirect", "/a", 2, 0), 0);
  EXPECT_THROW(layer_of_upper(), Error);
}

TEST_F(LayerWriterTest, ChosenFiles) {
  fs::create_directory(tree() / "src");
  write(tree() / "src" / "tool", "#!/bin/sh\n");
  fs::create_symlink("/etc/passwd", tree() / "src" / "escape");
  const std::vector<ChosenFile> files{
      {.source = "", .path = "opt"},
      {.source = "src/tool", .path = "opt/tool", .uid = 7, .gid = 8, .mode = 0755},
      {.source = "src/escape", .path = "opt/escape", .uid = 0, .gid = 0}};
  const Made made =
      make([&](LayerWriter& layer) { add_files(layer, RootedDir::open(tree()), files); });
  const auto entries = entries_of(made.bytes);
  EXPECT_EQ(entries.at("opt/").mode, 0755U);
  EXPECT_EQ(entries.at("opt/tool").uid, 7U);
  EXPECT_EQ(entries.at("opt/tool").gid, 8U);
  EXPECT_EQ(entries.at("opt/tool").mode, 0755U);
  EXPECT_EQ(entries.at("opt/escape").link_target, "/etc/passwd");
  const std::vector<ChosenFile> missing{{.source = "src/none", .path = "none"}};
  EXPECT_THROW(
      make([&](LayerWriter& layer) { add_files(layer, RootedDir::open(tree()), missing); }),
      NotFound);
}

TEST_F(LayerWriterTest, NamesThatMeanWhiteoutsAreRefused) {
  write(tree() / ".wh.file", "x");
  EXPECT_THROW(layer_of_tree(), Error);
}

TEST_F(LayerWriterTest, TheSinksFailureIsThrown) {
  const auto failing = [] {
    LayerWriter layer([](std::span<const std::byte>) { throw Error("the disk is full"); });
    layer.add({.name = "big", .size = 64 << 20});
    const std::string noise(1 << 20, 'x');
    for (int count = 0; count < 64; ++count) layer.write(std::as_bytes(std::span(noise)));
    layer.finish();
  };
  try {
    failing();
    FAIL() << "should have thrown";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "the disk is full");
  }
}

TEST_F(LayerWriterTest, TheEntriesCanBeReadMeanwhile) {
  const std::string noise(3 << 20, 'x');
  const auto fill = [&](LayerWriter& layer) {
    layer.add({.name = "big", .size = noise.size()});
    layer.write(std::as_bytes(std::span(noise)));
    layer.add({.kind = TarEntry::Kind::kDirectory, .name = "d", .mode = 0700});
  };
  std::string seen;
  const Made made = make(fill, {.consume = [&](TarReader& reader) {
                           TarEntry entry;
                           while (reader.next(entry)) {
                             seen += entry.name;
                             while (!reader.next_piece().bytes.empty()) seen += '.';
                           }
                         }});
  EXPECT_EQ(made.bytes, make(fill).bytes);
  EXPECT_TRUE(seen.starts_with("big.") && seen.ends_with(".d/")) << seen;
  const auto fail = [](TarReader&) { throw Error("no image today"); };
  EXPECT_THROW(make(fill, {.consume = fail}), Error);
  EXPECT_THROW(make([](LayerWriter&) {}, {.consume = fail}), Error);
}

TEST_F(LayerWriterTest, SizesMustAgree) {
  EXPECT_THROW(make([](LayerWriter& layer) {
                 layer.add({.name = "f", .size = 3});
                 layer.write(std::as_bytes(std::span("1234", 4)));
               }),
               Error);
  EXPECT_THROW(make([](LayerWriter& layer) { layer.add({.name = "f", .size = 3}); }), Error);
}

TEST_F(LayerWriterTest, LayersInMemoryComeToTheSameAsOnDisk) {
  TarBuilder one;
  one.directory("d").file("d/a", "1").file("d/b", "2").directory("run").symlink("var", "/run");
  TarBuilder two;
  two.file("var/pid", "3").file("d/.wh..wh..opq").file("d/c", "4").hard_link("h", "run/pid");
  TarBuilder three;
  three.file(".wh.h").file("d", "now a file");
  FileTree memory;
  for (const TarBuilder* layer : {&one, &two, &three}) {
    apply(*layer);
    memory.apply(source_of(gzipped(layer->finish())));
  }
  std::vector<std::string> names;
  compare_trees(memory, FileTree::read(RootedDir::open(root())), [&](const TreeChange& change) {
    if (!change.path.empty()) names.push_back(change.path + ": " + change.what);
  });
  EXPECT_EQ(names, std::vector<std::string>{});
  ASSERT_NE(memory.find("run/pid"), nullptr);
  EXPECT_EQ(memory.find("run/pid")->content, sha256_of("3"));
  EXPECT_EQ(memory.find("h"), nullptr);
}

}  // namespace

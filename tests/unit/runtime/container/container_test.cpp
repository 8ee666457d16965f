// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/container.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bundle-spec/error.hpp"
#include "runtime/container/start_gate.hpp"
#include "runtime/kernel/pidfd.hpp"
#include "temporary_directory.hpp"

namespace {

ContainerRecord record(const std::string& id) {
  ContainerRecord one;
  one.id = id;
  one.oci_version = "1.3.0";
  one.bundle = "/b";
  one.annotations = {{"k", "v"}};
  return one;
}

/// A record of this very process, which surely runs.
ContainerRecord running_record(const std::string& id) {
  ContainerRecord one = record(id);
  one.pid = ::getpid();
  one.start_time = kernel::start_time(one.pid);
  return one;
}

template <typename Call>
std::string refusal(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ContainerId, TakesWhatRuncTakes) {
  for (const char* id : {"a", "A-b_c.d+e", "0", "...", ".a", "-x"}) check_container_id(id);
  check_container_id(std::string(245, 'a'));
}

TEST(ContainerId, RefusesTheRest) {
  EXPECT_EQ(refusal([] { check_container_id(""); }), "container id cannot be empty");
  for (const std::string& id : {std::string("."), std::string(".."), std::string("a b"),
                                std::string("a/b"), std::string("../a"), std::string("ä"),
                                std::string("a\n"), std::string("a\0b", 3), std::string(246, 'a')})
    EXPECT_TRUE(refusal([&] { check_container_id(id); }).starts_with("invalid container ID format"))
        << id;
}

TEST(Container, ReserveIsUndoneUnlessKept) {
  const TemporaryDirectory directory;
  const std::string root = directory.path() + "/new/root";
  {
    const Container container = Container::reserve(root, record("c"), {}, {});
  }
  EXPECT_TRUE(Container::list(root).empty());
  struct stat status{};
  ASSERT_EQ(::stat(root.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700U);
  {
    Container::reserve(root, record("c"), {}, {}).keep();
  }
  EXPECT_EQ(Container::list(root), std::vector<std::string>{"c"});
}

TEST(Container, AMovedOneRemovesNothing) {
  const TemporaryDirectory root;
  Container container = Container::reserve(root.path(), record("c"), {}, {});
  {
    Container moved = std::move(container);
    moved.keep();
  }
  EXPECT_EQ(Container::list(root.path()), std::vector<std::string>{"c"});
}

TEST(Container, AnIdIsTakenOnce) {
  const TemporaryDirectory root;
  const Container container = Container::reserve(root.path(), record("c"), {}, {});
  EXPECT_EQ(refusal([&] { Container::reserve(root.path(), record("c"), {}, {}); }),
            "container with given ID already exists");
  EXPECT_EQ(Container::list(root.path()), std::vector<std::string>{"c"}) << "the first one stays";
}

TEST(Container, AnUnknownOneDoesNotExist) {
  const TemporaryDirectory root;
  EXPECT_THROW(Container::open(root.path(), "c"), NotFound);
  EXPECT_EQ(refusal([&] { Container::open_locked(root.path(), "c"); }), "container does not exist");
  EXPECT_EQ(refusal([&] { Container::open(root.path() + "/none", "c"); }),
            "container does not exist");
  EXPECT_TRUE(Container::list(root.path() + "/none").empty());
}

TEST(Container, IsCreatingWhileItsCreatorHoldsIt) {
  const TemporaryDirectory root;
  const Container container = Container::reserve(root.path(), record("c"), {}, {});
  EXPECT_EQ(container.status(), oci::Status::kCreating);
  EXPECT_EQ(Container::open(root.path(), "c").status(), oci::Status::kCreating);
}

TEST(Container, IsStoppedOnceItsCreatorWasKilled) {
  const TemporaryDirectory root;
  {
    Container::reserve(root.path(), record("c"), {}, {}).keep();
  }
  EXPECT_EQ(Container::open(root.path(), "c").status(), oci::Status::kStopped);
  EXPECT_EQ(Container::open_locked(root.path(), "c").status(), oci::Status::kStopped);
}

TEST(Container, AnEmptyRecordIsACreateThatWasKilled) {
  const TemporaryDirectory root;
  for (const char* content : {"", "{\"version\":2,\"id\":\"c\",\"pid\":0,\"startTime\":0,\"oci"}) {
    replace_file_at(root.fd(), "c.json", content);
    const Container container = Container::open_locked(root.path(), "c");
    EXPECT_EQ(container.status(), oci::Status::kStopped);
    EXPECT_EQ(container.state().id, "c");
    container.remove_files();
    EXPECT_TRUE(Container::list(root.path()).empty());
  }
}

TEST(Container, ARecordThatIsCutOffIsDamaged) {
  const TemporaryDirectory root;
  for (const char* content : {"{", "{\"version\":2,\"id\":\"c\",\"pid\":7,\"startTime\":1",
                              "{\"version\":2,\"id\":\"other\",\"pid\":0,\"startTime\":0"}) {
    replace_file_at(root.fd(), "c.json", content);
    EXPECT_THROW((void)Container::open_locked(root.path(), "c"), Error);
  }
}

TEST(Container, UpdateKeepsLockAndDetails) {
  const TemporaryDirectory root;
  ContainerDetails details;
  details.namespace_flags = 77;
  Container container = Container::reserve(root.path(), record("c"), {}, details);
  container.update_record(running_record("c"));
  EXPECT_EQ(container.status(), oci::Status::kRunning);
  const Container other = Container::open(root.path(), "c");
  EXPECT_EQ(other.status(), oci::Status::kRunning);
  EXPECT_EQ(other.record().pid, ::getpid());
  EXPECT_EQ(other.details().namespace_flags, 77U);
  // A child that wants the lock has to wait until we are done with it.
  const pid_t waiter = ::fork();
  if (waiter == 0) {
    ::close_range(3, ~0U, 0);  // our lock is not its lock
    ::alarm(10);
    const Container locked = Container::open_locked(root.path(), "c");
    ::_exit(locked.record().annotations.at("k") == "new" ? 0 : 1);
  }
  int status = 0;
  ::usleep(50'000);
  EXPECT_EQ(::waitpid(waiter, &status, WNOHANG), 0);
  ContainerRecord changed = running_record("c");
  changed.annotations["k"] = "new";
  container.update_record(changed);
  ::usleep(50'000);
  EXPECT_EQ(::waitpid(waiter, &status, WNOHANG), 0) << "the lock went over to the new file";
  container.unlock();
  container.keep();
  ASSERT_EQ(::waitpid(waiter, &status, 0), waiter);
  EXPECT_EQ(status, 0);
}

TEST(Container, WaitingForTheLockOfARemovedOneEndsInNotFound) {
  const TemporaryDirectory root;
  Container container = Container::reserve(root.path(), record("c"), {}, {});
  const pid_t waiter = ::fork();
  if (waiter == 0) {
    ::close_range(3, ~0U, 0);  // our lock is not its lock
    ::alarm(10);
    try {
      Container::open_locked(root.path(), "c");
    } catch (const NotFound&) {
      ::_exit(0);
    }
    ::_exit(1);
  }
  ::usleep(50'000);
  container.remove_files();
  container.unlock();
  int status = 0;
  ASSERT_EQ(::waitpid(waiter, &status, 0), waiter);
  EXPECT_EQ(status, 0);
}

TEST(Container, AnotherProcessWithItsPidIsNotIt) {
  const TemporaryDirectory root;
  Container container = Container::reserve(root.path(), record("c"), {}, {});
  ContainerRecord other = running_record("c");
  other.start_time += 1;
  container.update_record(other);
  EXPECT_EQ(container.status(), oci::Status::kStopped);
  EXPECT_FALSE(container.open_init().has_value());
  EXPECT_EQ(container.state().pid, 0);
  other.start_time = 0;
  container.update_record(other);
  EXPECT_EQ(container.status(), oci::Status::kStopped);
}

TEST(Container, AZombieIsStopped) {
  const TemporaryDirectory root;
  const pid_t zombie = ::fork();
  if (zombie == 0) {
    ::pause();
    ::_exit(0);
  }
  ContainerRecord one = record("c");
  one.pid = zombie;
  one.start_time = kernel::start_time(zombie);
  Container container = Container::reserve(root.path(), record("c"), {}, {});
  container.update_record(one);
  EXPECT_EQ(container.status(), oci::Status::kRunning);
  ::kill(zombie, SIGKILL);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(zombie), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(container.status(), oci::Status::kStopped);
  EXPECT_EQ(::waitpid(zombie, nullptr, 0), zombie);
}

TEST(Container, IsCreatedWhileItsGateIsClosed) {
  const TemporaryDirectory root;
  Container container = Container::reserve(root.path(), record("c"), {}, {});
  const StartGate gate = StartGate::make(container.root_directory(), "c");
  container.update_record(running_record("c"));
  EXPECT_EQ(container.status(), oci::Status::kCreated);
  EXPECT_EQ(container.state().pid, ::getpid());
  EXPECT_EQ(Container::list(root.path()), std::vector<std::string>{"c"})
      << "fifos are no containers";
  container.remove_files();
  EXPECT_EQ(container.status(), oci::Status::kRunning);
}

TEST(Container, IdsThatLookLikeOurFilesDoNotCollide) {
  const TemporaryDirectory root;
  const std::vector<std::string> ids = {"a", "a.json", "a.start", "a.status"};
  for (const std::string& id : ids) {
    Container container = Container::reserve(root.path(), record(id), {}, {});
    StartGate::make(container.root_directory(), id).keep();
    container.update_record(running_record(id));
    container.keep();
  }
  EXPECT_EQ(Container::list(root.path()), ids);
  for (const std::string& id : ids) Container::open(root.path(), id).remove_files();
  EXPECT_TRUE(Container::list(root.path()).empty());
}

TEST(Container, ALongRecordIsReadWhole) {
  const TemporaryDirectory root;
  ContainerRecord one = record("c");
  for (int i = 0; i < 1000; ++i) one.annotations["key" + std::to_string(i)] = std::string(50, 'x');
  ContainerDetails details;
  details.namespace_flags = 5;
  Container::reserve(root.path(), one, {}, details).keep();
  const Container container = Container::open(root.path(), "c");
  EXPECT_EQ(container.record().annotations, one.annotations);
  EXPECT_EQ(container.details().namespace_flags, 5U);
}

TEST(Container, ASymlinkIsNoRecord) {
  const TemporaryDirectory root;
  ASSERT_EQ(::symlink("/etc/passwd", (root.path() + "/c.json").c_str()), 0);
  EXPECT_NE(refusal([&] { Container::open(root.path(), "c"); }), "accepted");
  EXPECT_EQ(refusal([&] { Container::reserve(root.path(), record("c"), {}, {}); }),
            "container with given ID already exists");
}

TEST(Container, ARecordOfAnotherIdIsRefused) {
  const TemporaryDirectory root;
  replace_file_at(root.fd(), "c.json", write_record(record("d")) + write_details({}));
  EXPECT_TRUE(
      refusal([&] { Container::open(root.path(), "c"); }).ends_with("belongs to container d"));
}

}  // namespace

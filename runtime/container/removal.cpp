// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/removal.hpp"

#include <fcntl.h>
#include <signal.h>

#include <chrono>
#include <optional>
#include <vector>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/container/hooks.hpp"
#include "runtime/kernel/cgroup.hpp"
#include "runtime/kernel/pidfd.hpp"
#include "runtime/kernel/resctrl.hpp"
#include "runtime/kernel/systemd.hpp"
#include "runtime/network/connection.hpp"
#include "runtime/plan/network.hpp"

namespace {

constexpr std::chrono::seconds kPatience{10};

/// Nothing runs in it any more. Its slot must be free when we return, or the next container of
/// this name meets it.
void stop_unit(const plan::UnitName& unit) {
  try {
    kernel::stop_unit(unit);
  } catch (const Error& error) {
    // systemd forgets a scope by itself once its cgroup is empty.
    logging::warning(sentence(error.what(), ", ignoring"));
  }
}

void remove_cgroups(const Container& container) {
  const trace::Step step("remove the cgroups");
  // A killed create may never have come as far as making the cgroups the record names, and what
  // lives in them then is somebody else's.
  const bool was_created = container.record().pid != 0;
  // Also with a pid namespace, whose end takes all along: an exec may be on its way in, and the
  // freezer may hold it.
  const bool kill_remaining = was_created;
  const ContainerCgroups& cgroups = container.cgroups();
  if (cgroups.unit && was_created) {
    if (kill_remaining) kernel::signal_all(cgroups.directories, SIGKILL);
    stop_unit(*cgroups.unit);
  }
  try {
    // The init of a killed create ends by itself, but on a busy machine not at once.
    kernel::remove(cgroups.directories, kill_remaining, kPatience);
  } catch (const Error& error) {
    if (was_created) throw;
    // Gone from the records, what still lives there would be nobody's.
    throw Error(sentence(error.what(),
                         " (the container's create was killed, so nothing there is killed unasked: "
                         "end it if it is this container's, and delete again)"),
                error.number());
  }
}

/// The first process of a pid namespace lets go of everything, and then waits until every other
/// process of it has been reaped. One that exec gave to another parent (conmon, say), which does
/// not reap it, holds that up for good, though nothing of the container runs any more.
bool waits_for_reaping(const Container& container) {
  const ContainerRecord& record = container.record();
  std::vector<pid_t> left = kernel::processes(container.cgroups().directories);
  std::erase(left, record.pid);
  return left.empty() && kernel::is_ending(record.pid, record.start_time);
}

void wait_for_end(const Container& container, int init) {
  constexpr std::chrono::milliseconds kUsualTime{100};
  if (kernel::wait_for_exit(init, kUsualTime) || waits_for_reaping(container)) return;
  if (kernel::wait_for_exit(init, kPatience - kUsualTime) || waits_for_reaping(container)) return;
  throw Error(sentence("container init (pid ", container.record().pid, ") still lives ",
                       kPatience.count(), " s after SIGKILL"));
}

}  // namespace

void kill_container(const Container& container) {
  const trace::Step step("kill what runs");
  const ContainerRecord& record = container.record();
  // A zombie's other threads may live on.
  const std::optional<UniqueFd> init =
      kernel::open_process_or_zombie(record.pid, record.start_time);
  if (init) kernel::send_signal(init->get(), SIGKILL);
  if (!record.own_pid_namespace && record.pid != 0)
    kernel::signal_all(container.cgroups().directories, SIGKILL);
  if (!init) return;
  // cgroup v1: a frozen process takes no signal, not even this one.
  if (kernel::is_frozen(record.freezer)) kernel::thaw(container.cgroups().directories);
  wait_for_end(container, init->get());
}

void remove_container(const Container& container) {
  remove_cgroups(container);
  if (plan::asks_for_network(container.record().annotations))
    network::disconnect(container.file_path());
  if (container.cgroups().rdt) kernel::remove_from_resctrl(*container.cgroups().rdt);
  container.remove_files();
  run_poststop_hooks(container);
}

void run_poststop_hooks(const Container& container) {
  if (!container.record().has_poststop) return;
  try {
    const std::optional<UniqueFd> bundle =
        open_at_if_exists(AT_FDCWD, container.record().bundle, O_PATH | O_DIRECTORY);
    run_hooks_warning_only(container.details().hooks.poststop, "poststop",
                           container.state_as(oci::Status::kStopped, 0),
                           {.working_directory = bundle ? bundle->get() : -1});
  } catch (const Error& error) {
    logging::warning(sentence("poststop hooks: ", error.what(), ", ignoring"));
  }
}

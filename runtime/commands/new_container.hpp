// SPDX-License-Identifier: Apache-2.0
// What create and run have in common: from their options and a bundle to a plan and a reserved
// container. Host side.
#pragma once

#include <optional>
#include <string>

#include "bundle-spec/cli/options.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/unique_fd.hpp"
#include "bundle-spec/oci/runtime_config.hpp"
#include "runtime/container/container.hpp"
#include "runtime/container/notify_socket.hpp"
#include "runtime/container/removal.hpp"
#include "runtime/launch/launch.hpp"
#include "runtime/plan/host_facts.hpp"
#include "runtime/plan/launch_plan.hpp"

namespace commands {

inline constexpr cli::Option kBundleOption{.name = "bundle",
                                           .letter = 'b',
                                           .value = "DIR",
                                           .help = "The bundle (default: the current directory)"};
inline constexpr cli::Option kConfigOption{
    .name = "config",
    .letter = 'f',
    .value = "FILE",
    .help = "The config, if it is not the bundle's config.json"};
inline constexpr cli::Option kConsoleSocketOption{
    .name = "console-socket",
    .value = "PATH",
    .help = "AF_UNIX socket that gets the terminal's master"};
inline constexpr cli::Option kPidfdSocketOption{
    .name = "pidfd-socket",
    .value = "PATH",
    .help = "AF_UNIX socket that gets a pidfd of the process"};
inline constexpr cli::Option kPidFileOption{
    .name = "pid-file", .value = "FILE", .help = "Write the pid of the process to FILE"};
inline constexpr cli::Option kPreserveFdsOption{
    .name = "preserve-fds",
    .value = "N",
    .help = "Pass N descriptors beyond stdio and LISTEN_FDS to the process"};
inline constexpr cli::Option kNoPivotOption{
    .name = "no-pivot",
    .value = "",
    .help = "Move the root instead of pivot_root, for hosts on an initramfs"};
inline constexpr cli::Option kNoNewKeyringOption{
    .name = "no-new-keyring", .value = "", .help = "Keep the caller's session keyring"};

/// A bundle that was read, and what will be done with it.
struct NewContainer {
  std::string bundle;       // absolute
  std::string config_file;  // absolute; empty: config.json in the bundle
  oci::RuntimeConfig config;
  plan::LaunchPlan plan;
  bool has_notify_socket = false;
  UniqueFd shared_network;  // of another container; the plan names this descriptor
};

/// Of a config that asks for the network of container:ID: the path of that container's network
/// namespace goes into the config, as that of a descriptor, for the pid may be another process's by
/// the time that it is joined. Returns the descriptor. Throws Error.
UniqueFd share_network(oci::RuntimeConfig& config, const std::string& root);
/// The facts that planning needs; systemd's only when it is to make the cgroup. Throws Error.
plan::HostFacts facts_of_this_host(const cli::Parsed& global);
/// Reads the bundle that the command line names and plans its launch. Throws Error.
NewContainer plan_new_container(const cli::Parsed& global, const cli::Parsed& options,
                                const plan::HostFacts& facts);
/// CLONE_NEW* kinds of namespaces that differ from ours: what exec has to enter.
std::uint64_t namespace_flags(const plan::NamespacePlan& namespaces);
/// create and run: with NOTIFY_SOCKET in our environment the container gets one of its own.
void add_notify_socket(const std::string& root, NewContainer& wanted);
/// start and run -d: waits until such a container says that it is ready, or ends.
void wait_until_notified(const Container& container, const std::optional<NotifySocket>& notify);
/// The host's end of it, bound before the program runs; nullopt without one.
std::optional<NotifySocket> bind_notify_socket(const Container& container);
/// Claims the id for it: the record holds all that later verbs need.
Container reserve(const std::string& root, const NewContainer& wanted);

/// --console-socket, --pid-file, --pidfd-socket, --preserve-fds, for create, run and exec. Throws
/// Error in runc's words when console socket, terminal and detaching do not fit.
enum class Attachment { kDetached, kForeground };
launch::ProcessOptions process_options(const cli::Parsed& options, bool terminal,
                                       Attachment attachment);

/// Calls a step of a launch; what goes wrong in it gets runc's words in front, which engines look
/// for.
template <typename Step>
auto start_process(Step step) {
  try {
    return step();
  } catch (Error& error) {
    error.add_context("unable to start container process");
    throw;
  }
}

/// The same for the launch of a new container. What its early hooks set up must go when it fails:
/// the poststop hooks run (runtime-spec, "Lifecycle").
template <typename Step>
auto start_container(const Container& container, Step step) {
  try {
    return start_process(step);
  } catch (const Error&) {
    run_poststop_hooks(container);
    throw;
  }
}

/// A process with this exit status may never have come to its program: says so if its filter lets
/// no start pass.
void tell_barred_start(int status, const launch::Filter& filter);

/// Deletes what `run` or `restore` made, unless a `delete` came first; the id may be another
/// container's by now.
void remove_after_run(const std::string& root, const Container& ran);

/// Runs the poststart hooks; one that fails ends the container (runtime-spec, "Lifecycle").
void run_poststart_hooks(const Container& container);

}  // namespace commands

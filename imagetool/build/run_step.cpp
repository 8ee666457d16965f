// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/run_step.hpp"

#include <algorithm>

#include "bundle-spec/bundle.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/build/runtime_process.hpp"
#include "imagetool/bundle/runtime_config_from_image.hpp"
#include "imagetool/bundle/user.hpp"
#include "imagetool/oci/printable.hpp"

namespace build {
namespace {

constexpr const char* kHostname = "buildkitsandbox";

bool uses_host_network(const RunAction& action, const Options& options) {
  const std::string& network = action.network == "default" ? options.network : action.network;
  return network == "host";
}

std::string shown(const std::vector<std::string>& args) {
  std::string text;
  for (const std::string& word : args) text += sentence(text.empty() ? "" : " ", word);
  return printable(text, 200);
}

}  // namespace

void add_step_files(RunMounts& mounts, const RunAction& action, const Options& options) {
  std::string hosts =
      sentence("127.0.0.1\tlocalhost ", kHostname, "\n::1\tlocalhost ip6-localhost ip6-loopback\n");
  for (const std::string& line : options.hosts) hosts += line + "\n";
  mounts.add_file("/etc/hosts", hosts, 0644);
  if (uses_host_network(action, options))
    mounts.add_file("/etc/resolv.conf", read_file_if_exists("/etc/resolv.conf").value_or(""), 0644);
  if (!action.script_name.empty())
    mounts.add_file("/dev/pipes/" + action.script_name, action.script, 0755);
}

oci::RuntimeConfig step_config(const RunRequest& request, const RunMounts& mounts,
                               const Options& options) {
  const RunAction& action = request.action;
  // The processor's own even under an emulator: its system calls are what seccomp sees.
  oci::ImageConfig image{.architecture = oci::host_platform().architecture,
                         .os = request.config.os};
  image.config.env = action.env;
  image.config.working_dir = action.cwd;
  image.config.entrypoint = action.args;
  for (const std::vector<std::string>* more : {&action.proxies, &mounts.environment()})
    image.config.env.insert(image.config.env.end(), more->begin(), more->end());
  const ImageUser user = resolve_user(RootedDir::open(request.root), action.user);
  oci::RuntimeConfig config = runtime_config_from_image(image, user, kHostname).config;
  config.root = oci::Root{.path = request.root};
  config.mounts.insert(config.mounts.end(), mounts.mounts().begin(), mounts.mounts().end());
  if (uses_host_network(action, options)) {
    std::erase_if(config.linux_.namespaces,
                  [](const oci::Namespace& one) { return one.type == "network"; });
    // They would be the host's.
    config.linux_.sysctl.clear();
  }
  return config;
}

void run_step(const RunRequest& request, RunMounts& mounts, const Options& options,
              const std::function<void(std::string_view)>& output) {
  // Secrets may be in the environment, which the bundle has, and the runtime's record perhaps, too.
  const std::string directory = mounts.memory() + "/bundle";
  Bundle::create(directory).write(step_config(request, mounts, options));
  const RuntimeCall call{.runtime = options.runtime,
                         .state_root = mounts.memory() + "/containers",
                         .bundle = directory,
                         .id = request.id};
  const int status = run_container(call, output, options.stop);
  if (status != 0)
    throw Error(sentence("process \"", shown(request.action.args),
                         "\" did not complete successfully: exit code: ", status));
}

}  // namespace build

// SPDX-License-Identifier: Apache-2.0
// The tables of config.json's general part: runtime-spec, config.md, in its order.
#include "bundle-spec/error.hpp"
#include "bundle-spec/oci/linux_config_fields.hpp"
#include "bundle-spec/oci/rules.hpp"

namespace oci {

template <>
struct Fields<Root> {
  static constexpr Field list[] = {
      field<&Root::path>("path", Presence::kRequired),
      field<&Root::readonly>("readonly"),
  };
};

template <>
struct Fields<Mount> {
  static constexpr Field list[] = {
      field<&Mount::destination>("destination", Presence::kRequired),
      field<&Mount::type>("type"),
      field<&Mount::source>("source"),
      field<&Mount::options>("options"),
      field<&Mount::uid_mappings>("uidMappings"),
      field<&Mount::gid_mappings>("gidMappings"),
  };
};

namespace {
struct MountList {
  std::vector<Mount> mounts;
};
}  // namespace

template <>
struct Fields<MountList> {
  static constexpr Field list[] = {
      field<&MountList::mounts>("mounts", Presence::kRequired),
  };
};

template <>
struct Fields<ConsoleSize> {
  static constexpr Field list[] = {
      field<&ConsoleSize::height>("height", Presence::kRequired),
      field<&ConsoleSize::width>("width", Presence::kRequired),
  };
};

template <>
struct Fields<User> {
  static constexpr Field list[] = {
      field<&User::uid>("uid", Presence::kRequired),
      field<&User::gid>("gid", Presence::kRequired),
      field<&User::umask>("umask"),
      field<&User::additional_gids>("additionalGids"),
  };
};

template <>
struct Fields<Capabilities> {
  static constexpr Field list[] = {
      field<&Capabilities::bounding>("bounding"),
      field<&Capabilities::effective>("effective"),
      field<&Capabilities::inheritable>("inheritable"),
      field<&Capabilities::permitted>("permitted"),
      field<&Capabilities::ambient>("ambient"),
  };
};

template <>
struct Fields<Rlimit> {
  static constexpr Field list[] = {
      field<&Rlimit::type>("type", Presence::kRequired),
      field<&Rlimit::soft>("soft", Presence::kRequired),
      field<&Rlimit::hard>("hard", Presence::kRequired),
  };
};

template <>
struct Fields<Scheduler> {
  static constexpr Field list[] = {
      field<&Scheduler::policy>("policy", Presence::kRequired),
      field<&Scheduler::nice>("nice"),
      field<&Scheduler::priority>("priority"),
      field<&Scheduler::flags>("flags"),
      field<&Scheduler::runtime>("runtime"),
      field<&Scheduler::deadline>("deadline"),
      field<&Scheduler::period>("period"),
  };
};

template <>
struct Fields<IoPriority> {
  static constexpr Field list[] = {
      field<&IoPriority::klass>("class", Presence::kRequired),
      field<&IoPriority::priority>("priority", Presence::kRequired),
  };
};

template <>
struct Fields<ExecCpuAffinity> {
  static constexpr Field list[] = {
      field<&ExecCpuAffinity::initial>("initial"),
      field<&ExecCpuAffinity::final>("final"),
  };
};

template <>
struct Fields<Process> {
  static constexpr Field list[] = {
      field<&Process::terminal>("terminal"),
      field<&Process::console_size>("consoleSize"),
      field<&Process::user>("user"),
      field<&Process::cwd>("cwd", Presence::kRequired),
      field<&Process::env>("env"),
      field<&Process::args>("args"),
      field<&Process::rlimits>("rlimits"),
      field<&Process::apparmor_profile>("apparmorProfile"),
      field<&Process::capabilities>("capabilities"),
      field<&Process::no_new_privileges>("noNewPrivileges"),
      field<&Process::oom_score_adj>("oomScoreAdj"),
      field<&Process::scheduler>("scheduler"),
      field<&Process::selinux_label>("selinuxLabel"),
      field<&Process::io_priority>("ioPriority"),
      field<&Process::exec_cpu_affinity>("execCPUAffinity"),
  };
};

template <>
struct Fields<Hook> {
  static constexpr Field list[] = {
      field<&Hook::path>("path", Presence::kRequired),
      field<&Hook::args>("args"),
      field<&Hook::env>("env"),
      field<&Hook::timeout>("timeout"),
  };
};

template <>
struct Fields<Hooks> {
  static constexpr Field list[] = {
      field<&Hooks::prestart>("prestart"),
      field<&Hooks::create_runtime>("createRuntime"),
      field<&Hooks::create_container>("createContainer"),
      field<&Hooks::start_container>("startContainer"),
      field<&Hooks::poststart>("poststart"),
      field<&Hooks::poststop>("poststop"),
  };
};

template <>
struct Fields<RuntimeConfig> {
  static constexpr Field list[] = {
      field<&RuntimeConfig::oci_version>("ociVersion", Presence::kRequired),
      field<&RuntimeConfig::root>("root"),
      field<&RuntimeConfig::mounts>("mounts"),
      field<&RuntimeConfig::process>("process"),
      field<&RuntimeConfig::hostname>("hostname"),
      field<&RuntimeConfig::domainname>("domainname"),
      field<&RuntimeConfig::hooks>("hooks"),
      field<&RuntimeConfig::annotations>("annotations"),
      field<&RuntimeConfig::linux_>("linux"),
  };
};

namespace {

template <typename Document>
Document read(const std::string& json_text, const std::string& name) {
  Document document;
  read_document(TypeOf<Document>::type, &document, json_text, name);
  return document;
}

}  // namespace

RuntimeConfig read_runtime_config(const std::string& json_text, const std::string& name) {
  RuntimeConfig config = read<RuntimeConfig>(json_text, name);
  check_rules(config, name);
  return config;
}

RuntimeConfig inspect_runtime_config(const std::string& json_text, const std::string& name,
                                     std::vector<Problem>& problems) {
  RuntimeConfig config;
  read_document(TypeOf<RuntimeConfig>::type, &config, json_text, name, &problems);
  check_config(config, Place(name, &problems));
  return config;
}

std::string write_runtime_config(const RuntimeConfig& config) {
  return write_document(TypeOf<RuntimeConfig>::type, &config, Layout::kTabs);
}

Process read_process(const std::string& json_text, const std::string& name) {
  Process process = read<Process>(json_text, name);
  check_process_rules(process, name);
  return process;
}

std::string write_process(const Process& process) {
  return write_document(TypeOf<Process>::type, &process, Layout::kCompact);
}

std::vector<Mount> read_mounts(const std::string& json_text, const std::string& name) {
  const bool is_object = json_text.find_first_not_of(" \t\r\n") == json_text.find('{');
  return is_object ? read<MountList>(json_text, name).mounts
                   : read<std::vector<Mount>>(json_text, name);
}

Hooks read_hooks(const std::string& json_text, const std::string& name) {
  Hooks hooks = read<Hooks>(json_text, name);
  check_hooks_rules(hooks, Place(name));
  return hooks;
}

std::string write_hooks(const Hooks& hooks) {
  return write_document(TypeOf<Hooks>::type, &hooks, Layout::kCompact);
}

}  // namespace oci

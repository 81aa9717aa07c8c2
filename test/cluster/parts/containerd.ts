import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RunningProcess } from "../../parts/running-process.ts";
import { type Families, podRange, usedAddresses } from "./addresses.ts";
import type { ContainerRuntimePrograms } from "./bring-container-runtime.ts";
import type { Machine } from "./machine.ts";

const START_MS = 60_000;

/** The socket of containerd, as on most nodes. */
export const CONTAINERD_SOCKET = "/run/containerd/containerd.sock";

/** containerd on a machine. */
export type Containerd = {
  readonly process: RunningProcess;
  /** Imports the image of an OCI archive for pods. */
  importImage(archive: string): Promise<void>;
};

/**
 * Starts containerd, and waits until it answers.
 *
 * @param description.number the machine's, from 1 to 9
 * @param description.pauseImage the image that holds pods' namespaces
 */
export async function startContainerd(description: {
  readonly machine: Machine;
  readonly number: number;
  readonly programs: ContainerRuntimePrograms;
  readonly pauseImage: string;
  readonly families: Families;
}): Promise<Containerd> {
  const { machine, number, programs, pauseImage, families } = description;
  const configurationFile = machine.pathOf("/opt/containerd.toml");
  const cniConfigurationFolder = machine.pathOf("/opt/cni");
  await mkdir(cniConfigurationFolder, { recursive: true });
  await writeFile(
    join(cniConfigurationFolder, "10-bridge.conflist"),
    JSON.stringify(podNetwork(number, families), null, 2),
  );
  await writeFile(
    configurationFile,
    `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  restrict_oom_score_adj = true
  disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "${programs.cniFolder}"
  conf_dir = "${cniConfigurationFolder}"
`,
  );
  const running = machine.start({
    name: `containerd on ${machine.name}`,
    command: join(programs.containerdFolder, "containerd"),
    args: ["--config", configurationFile],
    // It searches its path for its shim and for runc.
    env: { ...process.env, PATH: `${programs.containerdFolder}:/usr/sbin:/usr/bin:/sbin:/bin` },
  });
  const ctr = (...args: string[]) =>
    machine.run(
      join(programs.containerdFolder, "ctr"),
      "--address",
      CONTAINERD_SOCKET,
      "--namespace=k8s.io",
      ...args,
    );
  await running.waitUntil("containerd to answer", () => ctr("version"), START_MS);
  return {
    process: running,
    async importImage(archive) {
      await ctr("images", "import", archive);
    },
  };
}

/** Pods behind a bridge. The machines have routes to each other's pods. */
function podNetwork(number: number, families: Families): object {
  return {
    cniVersion: "0.4.0",
    name: "pods",
    plugins: [
      {
        type: "bridge",
        bridge: "pods",
        isGateway: true,
        // For a pod that connects to its own service.
        hairpinMode: true,
        ipam: {
          type: "host-local",
          ranges: usedAddresses(families, podRange(number)).map((subnet) => [{ subnet }]),
          routes: usedAddresses(families, { v4: "0.0.0.0/0", v6: "::/0" }).map((dst) => ({ dst })),
        },
      },
    ],
  };
}

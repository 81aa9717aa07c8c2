// The agent's image, as built by the Dockerfile: its content, and a container of it in runc with a real chronyd of
// another user. On arm64 by emulation (QEMU).

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { before, describe, test } from "node:test";
import projectPackage from "../../package.json" with { type: "json" };
import { type AgentImage, bringAgentImage, unpackAgentImage } from "../image/agent-image.ts";
import { type ImageConfiguration, imageConfiguration } from "../image/oci-archive.ts";
import { type RuncContainer, startRuncContainer } from "../image/runc-container.ts";
import { progressToStandardError } from "../parts/bring.ts";
import { type ChronydOfUser, startChronydOfUser } from "../parts/chronyd-of-user.ts";
import { labelsOf, parseExposition, seriesValue } from "../parts/exposition.ts";
import { freePort } from "../parts/free-port.ts";
import { threadStatuses } from "../parts/process-status.ts";
import { runToEnd } from "../parts/run-to-end.ts";
import { type RunningProcess, startProcess } from "../parts/running-process.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { installDebianPackages } from "./parts/debian-tools.ts";

const LARGEST_COMPRESSED_BYTES = 60e6;
const START_MS = 60_000;
const NO_CAPABILITY = "0000000000000000";
/** Programs that must not be in the image: shells, package managers, and npm. */
const UNWANTED =
  /^(?:(?:ba|da)?sh|busybox|env|apt|apt-get|dpkg|apk|rpm|npm|npx|corepack|yarn|node_modules)$/;

/** Waits until an agent has polled this chronyd, and returns its report. */
async function scraped(agent: RunningProcess, port: number) {
  return agent.waitUntil(
    "a value at /metrics",
    async () => {
      const response = await fetch(`http://127.0.0.1:${port}/metrics`, {
        signal: AbortSignal.timeout(5_000),
      });
      const samples = parseExposition(await response.text());
      const [state] = labelsOf(samples, "chrony_sync_state");
      return state?.["state"] === "local" && seriesValue(samples, "chrony_up") === 1 && samples;
    },
    START_MS,
  );
}

describe("the agent's image", () => {
  const scope = suiteScope();
  let folder: string;
  let image: AgentImage;
  let files: string;
  let configuration: ImageConfiguration;
  let chronyd: ChronydOfUser;

  before(async () => {
    await installDebianPackages(progressToStandardError, ["qemu-user-static", "runc"]);
    folder = await folderOf(scope);
    image = await bringAgentImage(progressToStandardError, { architecture: "amd64" });
    configuration = await imageConfiguration(image.archive);
    files = join(folder, "files");
    await unpackAgentImage(image, files);
    chronyd = await startChronydOfUser(scope, {
      user: { uid: 998, gid: 995, mode: 0o750 },
    });
  });

  test("is smaller than 60 MB compressed, in both architectures", async (t) => {
    for (const architecture of ["amd64", "arm64"] as const) {
      const { archive } = await bringAgentImage(progressToStandardError, { architecture });
      const { size } = await stat(archive);
      t.diagnostic(`${architecture}: ${(size / 1e6).toFixed(1)} MB compressed`);
      assert.ok(size < LARGEST_COMPRESSED_BYTES, `${architecture}: ${size} bytes`);
      assert.equal((await imageConfiguration(archive)).architecture, architecture);
    }
  });

  test("has no shell, no package manager and no npm", async () => {
    const paths = await readdir(files, { recursive: true });
    assert.deepEqual((await readdir(join(files, "usr/local/lib/chrony-tracker"))).toSorted(), [
      "chrony-tracker.cjs",
      "koffi.linux-x64.node",
    ]);
    assert.deepEqual(
      paths.filter((path) => UNWANTED.test(basename(path))),
      [],
    );
    assert.deepEqual((await readdir(join(files, "usr/local/bin"))).toSorted(), [
      "chrony-tracker",
      "node",
    ]);
    for (const path of ["bin", "sbin", "usr/bin", "usr/sbin"]) {
      const programs = existsSync(join(files, path)) ? await readdir(join(files, path)) : [];
      assert.deepEqual(programs, []);
    }
  });

  test("has its labels, and starts as root to become another user", () => {
    const { Labels, User } = configuration.config;
    assert.equal(Labels["org.opencontainers.image.title"], "Chrony Tracker");
    assert.equal(Labels["org.opencontainers.image.version"], projectPackage.version);
    assert.equal(Labels["org.opencontainers.image.revision"], "test");
    assert.equal(Labels["org.opencontainers.image.licenses"], "MIT");
    assert.equal(User, "0:0");
  });

  async function startContainer(name: string, port: number): Promise<RuncContainer> {
    return startRuncContainer({
      name: `chrony-tracker-${name}-${process.pid}`,
      folder: join(folder, name),
      files,
      command: configuration.config.Entrypoint,
      environment: {
        CHRONY_ADDRESS: chronyd.address,
        OTEL_METRICS_EXPORTER: "prometheus",
        OTEL_EXPORTER_PROMETHEUS_HOST: "127.0.0.1",
        OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
      },
      shared: chronyd.directory,
    });
  }

  test("polls chronyd in a container with a read-only root, as chronyd's user, without capabilities", async () => {
    const port = await freePort();
    const container = await startContainer("reads", port);
    await scraped(container.process, port);
    for (const status of await threadStatuses(await container.firstProcess())) {
      assert.deepEqual([...new Set(status.uids)], [998]);
      assert.deepEqual([...new Set(status.gids)], [995]);
      assert.deepEqual(status.groups, []);
      assert.equal(status.permitted, NO_CAPABILITY);
      assert.equal(status.effective, NO_CAPABILITY);
      assert.equal(status.noNewPrivileges, true);
    }

    assert.equal(await container.exec("chrony-tracker", "--version"), projectPackage.version);
    const told = await container
      .exec("chrony-tracker", "status", "--brief")
      .catch((error: unknown) => String(error));
    assert.match(told, /exit code 2: CLOCK CRITICAL - local/);

    container.process.signal("SIGTERM");
    assert.deepEqual(await container.process.exited, { code: 0, signal: null });
    assert.deepEqual(await readdir(chronyd.directory), ["chronyd.sock"]);
  });

  test("runs on arm64: it prints its version and polls chronyd", async (t) => {
    const arm64 = await bringAgentImage(progressToStandardError, { architecture: "arm64" });
    const arm64Files = join(folder, "arm64");
    await unpackAgentImage(arm64, arm64Files);
    assert.deepEqual((await readdir(join(arm64Files, "usr/local/lib/chrony-tracker"))).toSorted(), [
      "chrony-tracker.cjs",
      "koffi.linux-arm64.node",
    ]);
    const [node = "", ...words] = (await imageConfiguration(arm64.archive)).config.Entrypoint.map(
      (word) => (word.startsWith("/") ? join(arm64Files, word) : word),
    );
    const args = ["-L", arm64Files, node, ...words];
    const version = await runToEnd({
      name: "the arm64 agent",
      command: "qemu-aarch64-static",
      args: [...args, "--version"],
      env: {},
      timeoutMs: START_MS,
    });
    assert.equal(version, projectPackage.version);

    const port = await freePort();
    const agent = startProcess({
      name: "the arm64 agent",
      command: "qemu-aarch64-static",
      args,
      env: {
        CHRONY_ADDRESS: chronyd.address,
        OTEL_METRICS_EXPORTER: "prometheus",
        OTEL_EXPORTER_PROMETHEUS_HOST: "127.0.0.1",
        OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
      },
    });
    t.after(() => agent.stop());
    await scraped(agent, port);
    await agent.stop();
    assert.deepEqual(await readdir(chronyd.directory), ["chronyd.sock"]);
  });
});

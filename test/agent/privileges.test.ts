// The user that the agent runs as, read from the kernel: it is started by root with a container's privileges,
// with real chronyds (Debian's) of several users. The collector is a fake.

import assert from "node:assert/strict";
import { mkdir, readdir, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { type Agent, startAgent } from "../parts/agent.ts";
import { type ChronydUser, startChronydOfUser } from "../parts/chronyd-of-user.ts";
import { findExecutable } from "../parts/executable.ts";
import { freeUdpPort } from "../parts/free-port.ts";
import { threadStatuses } from "../parts/process-status.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { accept, FakeCollector } from "../push/fake-collector.ts";
import { get, scrape, scrapeInState } from "./scrape.ts";

const NONE = "0000000000000000";
const isRoot = process.getuid?.() === 0;
const setpriv = findExecutable("setpriv");
const cannotBeOthers =
  (!isRoot && "only root can start processes as other users") ||
  (setpriv === undefined && "needs setpriv of util-linux");

/** The root of a container: these capabilities, the pod's groups, and no_new_privs. */
function rootWith(capabilities: string): string[] {
  return [
    setpriv ?? "",
    `--bounding-set=-all${capabilities}`,
    "--inh-caps=-all",
    "--groups=4711,4712",
    "--no-new-privs",
  ];
}

function as(uid: number, gid: number): string[] {
  return [setpriv ?? "", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
}

const ROOT_OF_CONTAINER = rootWith(",+setuid,+setgid");

/** Asserts that each thread of a process has this user and group only, and no capability. */
async function assertIsNobodyBut(uid: number, gid: number, pid: number): Promise<void> {
  for (const status of await threadStatuses(pid)) {
    assert.deepEqual(status, {
      uids: [uid, uid, uid, uid],
      gids: [gid, gid, gid, gid],
      groups: [],
      permitted: NONE,
      effective: NONE,
      inheritable: NONE,
      ambient: NONE,
      noNewPrivileges: true,
    });
  }
}

async function chronydOf(
  t: TestContext,
  user: ChronydUser,
  options: { readonly folder?: string; readonly commandPort?: number } = {},
) {
  const started = await startChronydOfUser(t, { user, ...options });
  await started.process.waitUntil("its socket", async () =>
    (await readdir(started.directory)).includes("chronyd.sock"),
  );
  return started;
}

function agentWith(
  t: TestContext,
  environment: Readonly<Record<string, string>>,
  wrapper: readonly string[] = ROOT_OF_CONTAINER,
): Promise<Agent> {
  return startAgent(t, {
    wrapper,
    environment: { OTEL_METRICS_EXPORTER: "prometheus", SLEEP_INTERVAL: "0.2", ...environment },
  });
}

describe("the agent, started as root", { skip: cannotBeOthers, concurrency: true }, () => {
  for (const user of [
    { uid: 100, gid: 101, mode: 0o700 },
    { uid: 998, gid: 995, mode: 0o750 },
    { uid: 123, gid: 123, mode: 0o770 },
  ]) {
    const { uid, gid, mode } = user;
    test(`becomes ${uid}:${gid} permanently, the owner of a directory of mode ${mode.toString(8)}, and is answered`, async (t) => {
      const { address, directory } = await chronydOf(t, user);
      const agent = await agentWith(t, { CHRONY_ADDRESS: address });
      const { value } = await scrapeInState(agent, "local");
      assert.equal(value("chrony_up"), 1);
      await assertIsNobodyBut(uid, gid, agent.process.pid);
      assert.match(
        agent.process.output(),
        new RegExp(
          `Started as root, became ${uid}:${gid} \\(uid:gid\\), the owner of ${directory}\\.`,
        ),
      );
      agent.process.signal("SIGTERM");
      assert.deepEqual(await agent.process.exited, { code: 0, signal: null });
      assert.deepEqual(await readdir(directory), ["chronyd.sock"]);
    });
  }

  test("becomes nobody if root owns the directory, logs why, and reports unreachable", async (t) => {
    const directory = join(await folderOf(t), "roots");
    await mkdir(directory, { mode: 0o755 });
    const agent = await agentWith(t, { CHRONY_ADDRESS: `unix://${directory}/chronyd.sock` });
    await scrapeInState(agent, "unreachable");
    await assertIsNobodyBut(65_534, 65_534, agent.process.pid);
    await agent.process.waitForLine(
      new RegExp(`${directory} belongs to 0:0, and chronyd answers only its owner`),
    );
    const told = agent.logs().map(({ message }) => String(message));
    assert.equal(told.filter((message) => message.includes("is owned by root")).length, 1);
    assert.ok(!told.some((message) => message.includes("changed its owner")));
    assert.equal((await get(agent, "/livez")).status, 200);
  });

  test("with a chronyd that runs as root, suggests UDP, which works", async (t) => {
    const commandPort = await freeUdpPort();
    const root = { uid: 0, gid: 0, mode: 0o750 };
    const { address } = await chronydOf(t, root, { commandPort });
    const overSocket = await agentWith(t, { CHRONY_ADDRESS: address });
    await scrapeInState(overSocket, "unreachable");
    await overSocket.process.waitForLine(
      /If chronyd runs as root, ask it over UDP: CHRONY_ADDRESS=udp:\/\/127\.0\.0\.1:323/,
    );
    const overUdp = await agentWith(t, { CHRONY_ADDRESS: `udp://127.0.0.1:${commandPort}` });
    const { value } = await scrapeInState(overUdp, "local");
    assert.equal(value("chrony_up"), 1);
  });

  test("notices when the directory has an owner again, which needs a restart", async (t) => {
    const folder = await folderOf(t);
    const directory = join(folder, "run");
    await mkdir(directory, { recursive: true, mode: 0o755 });
    const agent = await agentWith(t, { CHRONY_ADDRESS: `unix://${directory}/chronyd.sock` });
    await scrapeInState(agent, "unreachable");
    await rename(directory, `${directory}.old`);
    await chronydOf(t, { uid: 998, gid: 995, mode: 0o750 }, { folder });
    await agent.process.waitForLine(
      /changed its owner to 998:995 \(uid:gid\), and the agent started for 65534:65534/,
    );
  });

  test("becomes nobody over UDP", async (t) => {
    const agent = await agentWith(t, { CHRONY_ADDRESS: "udp://127.0.0.1:1" });
    await scrapeInState(agent, "unreachable");
    await assertIsNobodyBut(65_534, 65_534, agent.process.pid);
  });

  test("without SETUID and SETGID ends with exit code 1 and logs what to do, before it listens", async (t) => {
    const { address } = await chronydOf(t, { uid: 998, gid: 995, mode: 0o750 });
    for (const capabilities of ["", ",+setgid", ",+setuid"]) {
      const agent = await agentWith(t, { CHRONY_ADDRESS: address }, rootWith(capabilities));
      assert.deepEqual(await agent.process.exited, { code: 1, signal: null });
      const [only, ...others] = agent.logs();
      assert.deepEqual(others, []);
      assert.match(
        String(only?.["message"]),
        /^Started as root, but not permitted to become 998:995 .*Give the container the capabilities SETUID and SETGID/,
      );
    }
  });

  for (const [what, wrapper, rest] of [
    [
      "keeps its capabilities by its secure bits",
      [setpriv ?? "", "--securebits=+no_setuid_fixup", ...ROOT_OF_CONTAINER.slice(1)],
      /but it still has capabilities \(00000000000000c0\): the agent does not run like this/,
    ],
    [
      // Without SETUID only the effective uid changes, and the saved one would allow to go back.
      "can become root again by its saved uid",
      [setpriv ?? "", "--ruid=65534", "--bounding-set=-all,+setgid", "--inh-caps=-all"],
      /but its real, effective and saved uid are 65534, 65534, 0, and it still has capabilities/,
    ],
  ] as const) {
    test(`does not run if it ${what}: exit code 1, before it listens`, async (t) => {
      const agent = await agentWith(t, { CHRONY_ADDRESS: "udp://127.0.0.1:1" }, wrapper);
      assert.deepEqual(await agent.process.exited, { code: 1, signal: null });
      const [only, ...others] = agent.logs();
      assert.deepEqual(others, []);
      assert.match(String(only?.["message"]), rest);
    });
  }

  test("as another user stays that user, and logs who owns the directory if it cannot poll", async (t) => {
    const { address, directory } = await chronydOf(t, { uid: 998, gid: 995, mode: 0o770 });
    const owner = await agentWith(t, { CHRONY_ADDRESS: address }, as(998, 995));
    await scrapeInState(owner, "local");
    assert.ok(!owner.process.output().includes("Started as root"));

    // A member of the group can send, but chronyd cannot write to its socket.
    for (const stranger of [as(1234, 1234), as(1234, 995)]) {
      const agent = await agentWith(t, { CHRONY_ADDRESS: address }, stranger);
      await scrapeInState(agent, "unreachable");
      await agent.process.waitForLine(
        new RegExp(`This process is 1234:\\d+ .*but ${directory} belongs to 998:995`),
      );
    }
  });

  test("reads a token that everybody may read, and the next one after kubelet's rotation", async (t) => {
    const { address } = await chronydOf(t, { uid: 998, gid: 995, mode: 0o750 });
    const collector = await FakeCollector.start(accept);
    t.after(() => collector.stop());
    // As kubelet does: each version is in its own folder, and one link is replaced.
    const tokens = join(await folderOf(t), "tokens");
    const write = async (version: string) => {
      await mkdir(join(tokens, version), { recursive: true });
      await writeFile(join(tokens, version, "token"), version, { mode: 0o644 });
      await symlink(version, join(tokens, "..data_tmp"));
      await rename(join(tokens, "..data_tmp"), join(tokens, "..data"));
    };
    await write("first");
    await symlink("..data/token", join(tokens, "token"));
    const agent = await agentWith(t, {
      CHRONY_ADDRESS: address,
      OTEL_METRICS_EXPORTER: "otlp,prometheus",
      // As long as a push may take, so that a busy machine is not a failure.
      OTEL_METRIC_EXPORT_INTERVAL: "2000",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
      COLLECTOR_TOKEN_FILE: join(tokens, "token"),
    });
    const pushedWith = (token: string) =>
      agent.process.waitUntil(`a push with the token ${token}`, () =>
        collector.attempts.some(({ headers }) => headers.authorization === `Bearer ${token}`),
      );
    await pushedWith("first");
    await write("second");
    await pushedWith("second");
    assert.equal(
      (await scrape(agent)).value("chrony_tracker_exports_total", { result: "failure" }),
      0,
    );
  });
});

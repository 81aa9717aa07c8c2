// The archive for machines without Kubernetes: packed with the real bundle, unpacked, installed below a folder by the
// machine's /bin/sh, and removed. Also systemd's assessment of the unit, if systemd-analyze is installed.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chown, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startAgent } from "../parts/agent.ts";
import { findExecutable } from "../parts/executable.ts";
import { runToEnd } from "../parts/run-to-end.ts";
import { type ScratchFolder, scratchFolder } from "../parts/scratch-folder.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SYSTEMD_ANALYZE = findExecutable("systemd-analyze", ["/usr/bin"]);
const PROGRAMS = "usr/local/lib/chrony-tracker";
const UNIT = "etc/systemd/system/chrony-tracker.service";

describe("the archive for machines without Kubernetes", () => {
  let scratch: ScratchFolder;
  let archive: string;
  let count = 0;

  before(async () => {
    scratch = await scratchFolder("one-machine");
    const bundle = join(scratch.path, "bundle");
    await run(process.execPath, join(ROOT, "tools/bundle.ts"), bundle);
    await run(join(ROOT, "tools/pack-linux.sh"), "1.2.3", bundle, scratch.path);
    const file = join(scratch.path, "chrony-tracker-1.2.3-linux.tar.gz");
    await run("tar", "-xzf", file, "-C", scratch.path);
    archive = join(scratch.path, "chrony-tracker-1.2.3-linux");
  });
  after(() => scratch?.remove());

  /** An empty machine, with chronyd's directory if an owner is given. */
  async function machine(owner?: { readonly uid: number; readonly gid: number }): Promise<string> {
    count += 1;
    const root = join(scratch.path, `machine-${count}`);
    await mkdir(join(root, "run"), { recursive: true });
    if (owner !== undefined) {
      await mkdir(join(root, "run/chrony"));
      await chown(join(root, "run/chrony"), owner.uid, owner.gid);
    }
    return root;
  }

  function install(root: string, ...args: readonly string[]) {
    return spawnSync("/bin/sh", [join(archive, "install.sh"), ...args], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"], DESTDIR: root },
      timeout: 60_000,
    });
  }

  const isRoot = process.getuid?.() === 0;
  const needsRoot = isRoot ? {} : { skip: "only root can give a directory to another user" };

  test(
    "installs as chronyd's user, again without a change, and removes what it installed",
    needsRoot,
    async () => {
      const root = await machine({ uid: 1, gid: 1 });
      const node = ["--node", process.execPath];
      const first = install(root, ...node);
      assert.equal(first.status, 0, first.stderr);
      const files = await filesOf(root);
      assert.deepEqual(
        files.filter((file) => !file.includes("koffi")),
        [
          "etc/chrony-tracker.env",
          UNIT,
          "usr/local/bin/chrony-tracker",
          `${PROGRAMS}/chrony-tracker.cjs`,
          "usr/local/share/doc/chrony-tracker/LICENSE",
          "usr/local/share/doc/chrony-tracker/README",
        ],
      );
      const unit = await readFile(join(root, UNIT), "utf8");
      assert.match(unit, /^User=daemon\nGroup=daemon$/m);
      assert.ok(unit.includes(`ExecStart=${process.execPath} `));
      assert.doesNotMatch(unit, /=USER|=GROUP|=NODE/);
      await writeFile(join(root, "etc/chrony-tracker.env"), "SLEEP_INTERVAL=2\n");
      assert.equal(install(root, ...node).status, 0);
      assert.deepEqual(await filesOf(root), files);
      assert.equal(await readFile(join(root, UNIT), "utf8"), unit);
      assert.equal(
        await readFile(join(root, "etc/chrony-tracker.env"), "utf8"),
        "SLEEP_INTERVAL=2\n",
      );
      assert.equal(install(root, "--remove").status, 0);
      assert.deepEqual(await filesOf(root), ["etc/chrony-tracker.env"]);
      assert.equal(install(root, "--remove", "--purge").status, 0);
      assert.deepEqual(await filesOf(root), []);
      assert.ok((await stat(join(root, "run/chrony"))).isDirectory());
    },
  );

  test("over UDP it has its own user, and no access to /run", async () => {
    const root = await machine();
    const { status, stderr } = install(root, "--udp", "--node", process.execPath);
    assert.equal(status, 0, stderr);
    const unit = await readFile(join(root, UNIT), "utf8");
    assert.match(unit, /^User=chrony-tracker\nDynamicUser=yes\nEnvironment=CHRONY_ADDRESS=udp:/m);
    assert.doesNotMatch(unit, /^(?:ReadWritePaths|Group)=/m);
  });

  for (const [what, args, sentence] of [
    [
      "chronyd does not run",
      [],
      /\/run\/chrony does not exist: chronyd does not run\. Start it first/,
    ],
    ["there is no such user", ["--user", "nobody-has-this"], /There is no user nobody-has-this/],
    ["root is the user", ["--user", "root"], /never runs as root.*--udp/],
    ["Node.js is not there", ["--node", "/nowhere/node"], /is no Node\.js that runs here/],
    ["an option is unknown", ["--help-me"], /Unknown argument: --help-me\. Usage:/],
  ] as const) {
    test(`says what to do, and changes nothing, if ${what}`, async () => {
      const root = await machine();
      const node = args.some((arg) => arg === "--node") ? [] : ["--node", process.execPath];
      const { status, stderr } = install(root, ...node, ...args);
      assert.ok(status === 1 || status === 2);
      assert.match(stderr, sentence);
      assert.deepEqual(await filesOf(root), []);
    });
  }

  test("the unit's exposure is the documented one, by systemd-analyze", {
    skip: SYSTEMD_ANALYZE === undefined,
  }, async () => {
    const root = await machine();
    assert.equal(install(root, "--user", "daemon", "--node", process.execPath).status, 0);
    const { stdout } = spawnSync(
      SYSTEMD_ANALYZE ?? "",
      ["security", "--offline=true", "--no-pager", join(root, UNIT)],
      { encoding: "utf8" },
    );
    const [, exposure] = /Overall exposure level for .*: ([\d.]+)/.exec(stdout) ?? [];
    const guide = await readFile(join(ROOT, "docs/one-machine.md"), "utf8");
    const [, documented] = /an exposure of ([\d.]+)/.exec(guide) ?? [];
    // Later versions of systemd count more settings.
    assert.ok(Math.abs(Number(exposure) - Number(documented)) <= 0.3, `${exposure} ${documented}`);
  });

  test("without koffi's binary the agent logs it, suggests UDP and continues; over UDP it is not needed", async (t) => {
    const alone = join(scratch.path, "without-native");
    await run("cp", "-r", archive, alone);
    for (const file of (await readdir(alone)).filter((name) => name.startsWith("koffi"))) {
      await rm(join(alone, file));
    }
    assert.ok(!existsSync(join(alone, "koffi.linux-x64.node")));
    const entry = join(alone, "chrony-tracker.cjs");
    for (const [address, sentence] of [
      [
        `unix://${scratch.path}/chronyd.sock`,
        /need koffi's native part .*UDP works without it: CHRONY_ADDRESS=udp:/,
      ],
      ["udp://127.0.0.1:9", /"message":"[^"]*127\.0\.0\.1:9/],
    ] as const) {
      const agent = await startAgent(t, {
        entry,
        environment: { CHRONY_ADDRESS: address, OTEL_METRICS_EXPORTER: "prometheus" },
      });
      await agent.process.waitForLine(sentence, 30_000);
      await agent.stop();
    }
  });
});

async function run(command: string, ...args: string[]): Promise<string> {
  return runToEnd({ name: command, command, args, timeoutMs: 60_000 });
}

async function filesOf(root: string): Promise<string[]> {
  const all = await readdir(root, { recursive: true, withFileTypes: true });
  return all
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .toSorted();
}

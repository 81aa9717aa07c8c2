// Real directories. A deleted one that still exists, as under a container's mount, is one that this process holds open:
// /proc/self/fd has it, without a link.

import assert from "node:assert/strict";
import {
  chownSync,
  closeSync,
  mkdirSync,
  openSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import {
  describeSocketDirectoryFault,
  SocketDirectory,
} from "../../src/chrony/socket-directory.ts";
import { NOBODY } from "../../src/privileges.ts";
import { folderOf } from "../parts/scratch-folder.ts";

async function emptyFolder(t: TestContext): Promise<string> {
  const folder = await folderOf(t);
  return folder;
}

test("a directory that stays as it is has no fault, however often one looks", async (t) => {
  const directory = new SocketDirectory(await emptyFolder(t));
  assert.equal(directory.check(), undefined);
  assert.equal(directory.check(), undefined);
});

test("a missing directory is not a fault, because chronyd is not running and will create a new one", async (t) => {
  const path = join(await emptyFolder(t), "run");
  const directory = new SocketDirectory(path);
  assert.equal(directory.check(), undefined);
  mkdirSync(path);
  assert.equal(directory.check(), undefined);
  rmdirSync(path);
  assert.equal(directory.check(), undefined);
});

test("a directory that was deleted under the agent is a fault", async (t) => {
  const path = join(await emptyFolder(t), "run");
  mkdirSync(path);
  const held = openSync(path, "r");
  t.after(() => closeSync(held));
  const mounted = `/proc/self/fd/${held}`;
  const directory = new SocketDirectory(mounted);
  assert.equal(directory.check(), undefined);
  rmdirSync(path);
  const fault = directory.check();
  assert.deepEqual(fault, { kind: "deleted", path: mounted });
  assert.equal(
    describeSocketDirectoryFault(fault),
    `${mounted} was deleted under the agent: it has to start again to see the new one.`,
  );
});

test("a directory of another owner than at first is a fault until it is the first one's again", async (t) => {
  const folder = await emptyFolder(t);
  const [own, others] = [join(folder, "own"), join(folder, "others")];
  mkdirSync(own);
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  if (uid === 0) {
    mkdirSync(others);
    chownSync(others, 4711, 4712);
  } else {
    symlinkSync("/", others);
  }
  const path = join(folder, "run");
  symlinkSync(own, path);
  const directory = new SocketDirectory(path);
  assert.equal(directory.check(), undefined);

  unlinkSync(path);
  symlinkSync(others, path);
  const fault = directory.check();
  const [from, to] = [`${uid}:${gid}`, uid === 0 ? "4711:4712" : "0:0"];
  assert.deepEqual(fault, { kind: "owner changed", path, from, to });
  assert.equal(
    describeSocketDirectoryFault(fault),
    `${path} changed its owner to ${to} (uid:gid), and the agent started for ${from}: it has to start again to follow.`,
  );

  unlinkSync(path);
  symlinkSync(own, path);
  assert.equal(directory.check(), undefined);
});

test("an owner that an agent of root would not become now is a fault, and only then", {
  skip: process.getuid?.() !== 0 && "only root can give a directory away",
}, async (t) => {
  const path = join(await emptyFolder(t), "run");
  const nobody = new SocketDirectory(path, NOBODY);
  assert.equal(nobody.check(), undefined, "a missing directory");
  mkdirSync(path);
  assert.equal(nobody.check(), undefined, "root's directory, for which it became nobody");

  // chronyd made its own directory in place of root's, or where there was none.
  const follower = new SocketDirectory(path, { uid: 998, gid: 995 });
  chownSync(path, 998, 995);
  const fault = nobody.check();
  assert.deepEqual(fault, { kind: "owner changed", path, from: "65534:65534", to: "998:995" });
  assert.equal(follower.check(), undefined);
  chownSync(path, 0, 0);
  assert.equal(follower.check()?.kind, "owner changed", "started again, it would become nobody");
  assert.equal(nobody.check(), undefined);
});

test("a directory that cannot be read is not a fault, because polls fail with the reason", () => {
  assert.equal(new SocketDirectory("/proc/self/status/inside-a-file").check(), undefined);
});

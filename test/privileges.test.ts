// The user that the process should become, and the owner of a directory. test/agent/privileges.test.ts has the real
// change of the user.

import assert from "node:assert/strict";
import { chownSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  becomeOwner,
  describePrivilegeError,
  describeRunAs,
  describeStranger,
  dropPrivileges,
  isOwnedByAnother,
  leftOfRoot,
  NOBODY,
  ownerOf,
  runAsFor,
  userText,
} from "../src/privileges.ts";
import { success } from "../src/result.ts";
import { folderOf } from "./parts/scratch-folder.ts";

const DIRECTORY = "/run/chrony";

test("root becomes the directory's owner and group, whatever their numbers", () => {
  for (const owner of [
    { uid: 100, gid: 101 },
    { uid: 998, gid: 0 },
  ]) {
    const runAs = runAsFor(DIRECTORY, owner);
    assert.deepEqual(runAs, { user: owner, because: "owns directory" });
  }
  assert.equal(
    describeRunAs(runAsFor(DIRECTORY, { uid: 998, gid: 995 }), DIRECTORY),
    "Started as root, became 998:995 (uid:gid), the owner of /run/chrony.",
  );
});

test("with a directory of root it becomes nobody, whatever the group: an agent never stays root", () => {
  for (const gid of [0, 998]) {
    const runAs = runAsFor(DIRECTORY, { uid: 0, gid });
    assert.deepEqual(runAs, { user: NOBODY, because: "directory is root's" });
    assert.match(
      describeRunAs(runAs, DIRECTORY),
      /^Started as root, became 65534:65534 \(uid:gid\), because \/run\/chrony is owned by root,/,
    );
  }
});

test("with a missing directory it becomes nobody, because the owner is not known", () => {
  const runAs = runAsFor(DIRECTORY, undefined);
  assert.deepEqual(runAs, { user: NOBODY, because: "no directory" });
  assert.match(describeRunAs(runAs, DIRECTORY), /because \/run\/chrony does not exist/);
});

test("over UDP it becomes nobody, because no particular user is needed", () => {
  const runAs = runAsFor(undefined, undefined);
  assert.deepEqual(runAs, { user: NOBODY, because: "no Unix socket" });
  assert.match(describeRunAs(runAs), /became 65534:65534 \(uid:gid\), because UDP/);
});

test("an error says which user it could not become, and what to do", () => {
  const user = { uid: 998, gid: 995 };
  assert.equal(
    describePrivilegeError({ kind: "not permitted", user, detail: "EPERM, setgroups" }),
    "Started as root, but not permitted to become 998:995 (uid:gid): EPERM, setgroups. Give the container the capabilities SETUID and SETGID, or start it as that user (runAsUser, runAsGroup).",
  );
  assert.match(
    describePrivilegeError({ kind: "user namespace", user, detail: "EPERM" }),
    /^Root of a user namespace, but not permitted to become 998:995 .*\/proc\/self\/uid_map.*hostUsers: true/,
  );
  assert.equal(
    describePrivilegeError({ kind: "not for good", user, detail: "it still has capabilities" }),
    "Became 998:995 (uid:gid), but it still has capabilities: the agent does not run like this.",
  );
});

/** Lines of proc_pid_status(5). */
function statusOf(lines: Readonly<Record<string, string>>): string {
  return Object.entries(lines)
    .map(([name, value]) => `${name}:\t${value}\n`)
    .join("");
}

describe("what is left of root", () => {
  const user = { uid: 998, gid: 995 };
  /** Those of an ordinary process of that user. */
  const ordinary = {
    Name: "node",
    Uid: "998\t998\t998\t998",
    Gid: "995\t995\t995\t995",
    Groups: " ",
    CapInh: "0000000000000000",
    CapPrm: "0000000000000000",
    CapBnd: "00000000000000c0",
  };
  test("is nothing in an ordinary process of the user", () => {
    assert.equal(leftOfRoot(statusOf(ordinary), user), undefined);
  });

  for (const [what, line, found] of [
    ["the real uid", { Uid: "0\t998\t998\t998" }, "uid are 0, 998, 998"],
    ["the effective uid", { Uid: "998\t0\t998\t0" }, "uid are 998, 0, 998"],
    ["the saved uid, by which it becomes root again", { Uid: "998\t998\t0\t998" }, "998, 998, 0"],
    ["the uid of the file system", { Uid: "998\t998\t998\t0" }, "uid are 998, 998, 998"],
    ["another uid than the user's", { Uid: "99\t99\t99\t99" }, "uid are 99, 99, 99"],
    ["the real gid", { Gid: "0\t995\t995\t995" }, "gid are 0, 995, 995"],
    ["the effective gid", { Gid: "995\t0\t995\t0" }, "gid are 995, 0, 995"],
    ["the saved gid", { Gid: "995\t995\t0\t995" }, "gid are 995, 995, 0"],
    ["a group", { Groups: "0 " }, "it still belongs to the groups 0"],
    ["groups", { Groups: "4711 4712 " }, "it still belongs to the groups 4711 4712"],
    ["a capability", { CapPrm: "0000000000000080" }, "capabilities (0000000000000080)"],
    ["the highest capability", { CapPrm: "8000000000000000" }, "capabilities (8000000000000000)"],
  ] as const) {
    test(`is ${what}`, () => {
      const rest = leftOfRoot(statusOf({ ...ordinary, ...line }), user);
      assert.ok(rest?.endsWith(found), rest);
    });
  }

  test("is listed in one sentence", () => {
    const status = statusOf({ ...ordinary, Uid: "998\t998\t0\t998", CapPrm: "0000000000000040" });
    assert.equal(
      leftOfRoot(status, user),
      "its real, effective and saved uid are 998, 998, 0, and it still has capabilities (0000000000000040)",
    );
  });

  test("is not known if the kernel does not show it, which is not nothing", () => {
    for (const name of ["Uid", "Gid", "Groups", "CapPrm"] as const) {
      const { [name]: _left, ...others } = ordinary;
      assert.match(leftOfRoot(statusOf(others), user) ?? "", /^the kernel does not show/, name);
    }
    assert.match(leftOfRoot("", user) ?? "", /^the kernel does not show/);
  });
});

/** Calls as a user that is not root: as `nobody` if root runs the tests. */
function asOrdinaryUser<Value>(call: () => Value): Value {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) {
    process.seteuid?.(NOBODY.uid);
  }
  try {
    return call();
  } finally {
    if (isRoot) {
      process.seteuid?.(0);
    }
  }
}

describe("the owner of a directory", () => {
  const self = { uid: process.geteuid?.() ?? -1, gid: process.getegid?.() ?? -1 };

  test("is this process: no sentence", async (t) => {
    const folder = await folderOf(t);
    assert.deepEqual(ownerOf(folder), self);
    assert.equal(isOwnedByAnother(folder), false);
    assert.equal(describeStranger(folder), undefined);
  });

  test("is not known if the directory is missing, or cannot be read", async (t) => {
    const folder = await folderOf(t);
    for (const path of [join(folder, "missing"), "/proc/self/status/inside-a-file"]) {
      assert.equal(ownerOf(path), undefined);
      assert.equal(isOwnedByAnother(path), false);
      assert.equal(describeStranger(path), undefined);
    }
  });

  test("is another user: both are named, because chronyd answers only the owner", {
    skip: self.uid !== 0 && "only root can give a directory away",
  }, async (t) => {
    const folder = await folderOf(t);
    chownSync(folder, 4711, 4712);
    assert.deepEqual(ownerOf(folder), { uid: 4711, gid: 4712 });
    assert.equal(isOwnedByAnother(folder), true);
    assert.equal(
      describeStranger(folder),
      `This process is ${userText(self)} (uid:gid), but ${folder} belongs to 4711:4712, and chronyd answers only its owner.`,
    );
  });

  test("is root: it is named with what to do", () => {
    const sentence = asOrdinaryUser(() => describeStranger("/"));
    assert.match(
      sentence ?? "",
      /^This process is [1-9]\d*:\d+ \(uid:gid\), but \/ belongs to 0:0, and chronyd answers only its owner\. If chronyd runs as root, ask it over UDP: .* remove the directory and restart chronyd\.$/,
    );
  });
});

test("a process that is not root stays as it is, whoever owns the directory", () => {
  asOrdinaryUser(() => {
    const before = process.getuid?.();
    for (const directory of [undefined, "/", "/missing"]) {
      assert.deepEqual(dropPrivileges(directory), success(undefined));
    }
    becomeOwner("/");
    assert.equal(process.getuid?.(), before);
  });
});

test("a command of root stays root if root owns the directory, or if it is missing", () => {
  const before = [process.getuid?.(), process.getgid?.(), process.geteuid?.()];
  for (const directory of ["/", "/missing"]) {
    becomeOwner(directory);
    assert.deepEqual([process.getuid?.(), process.getgid?.(), process.geteuid?.()], before);
  }
});

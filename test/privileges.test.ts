import assert from "node:assert/strict";
import { test } from "node:test";
import {
  describePrivilegeError,
  describeSuccessor,
  NOBODY,
  successorOfRoot,
} from "../src/privileges.ts";

const directory = "/run/chrony";

test("root becomes the directory's owner, its group included, whatever their numbers", () => {
  for (const owner of [
    { uid: 100, gid: 101 },
    { uid: 998, gid: 0 },
  ]) {
    const successor = successorOfRoot(directory, owner);
    assert.deepEqual(successor, { user: owner, because: "owns directory" });
  }
  assert.equal(
    describeSuccessor(successorOfRoot(directory, { uid: 998, gid: 995 }), directory),
    "Started as root, became 998:995 (uid:gid), who owns /run/chrony.",
  );
});

test("a directory of root's makes it nobody, whatever the group: an agent never stays root", () => {
  for (const gid of [0, 998]) {
    const successor = successorOfRoot(directory, { uid: 0, gid });
    assert.deepEqual(successor, { user: NOBODY, because: "directory is root's" });
    assert.match(
      describeSuccessor(successor, directory),
      /^Started as root, became 65534:65534 \(uid:gid\), for \/run\/chrony is owned by root,/,
    );
  }
});

test("a missing directory makes it nobody: who will own it is not known yet", () => {
  const successor = successorOfRoot(directory, undefined);
  assert.deepEqual(successor, { user: NOBODY, because: "no directory" });
  assert.match(describeSuccessor(successor, directory), /there is no \/run\/chrony whose owner/);
});

test("over UDP it becomes nobody: no user of its own is needed", () => {
  const successor = successorOfRoot(undefined, undefined);
  assert.deepEqual(successor, { user: NOBODY, because: "no Unix socket" });
  assert.match(describeSuccessor(successor), /became 65534:65534 \(uid:gid\): over UDP/);
});

test("an error says whom it could not become and what to do", () => {
  const user = { uid: 998, gid: 995 };
  assert.equal(
    describePrivilegeError({ kind: "not permitted", user, detail: "EPERM, setgroups" }),
    "Started as root, but not permitted to become 998:995 (uid:gid): EPERM, setgroups. Give the container the capabilities SETUID and SETGID, or start it as that user (runAsUser, runAsGroup).",
  );
  assert.equal(
    describePrivilegeError({ kind: "not for good", user, detail: "it can become root again" }),
    "Became 998:995 (uid:gid), but it can become root again: it will not run like that.",
  );
});

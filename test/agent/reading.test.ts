// Polls of a real chronyd (Debian's 4.3) through the client: correct answers, chronyd's answers to invalid
// input, and everything that can fail. Nothing may hang, crash or be left behind.

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { before, describe, test } from "node:test";
import { parseChronyAddress } from "../../src/chrony/address.ts";
import { type ChronyError, describeChronyError } from "../../src/chrony/chrony-error.ts";
import { ChronyClient } from "../../src/chrony/client.ts";
import { DatagramSocket } from "../../src/chrony/datagram-socket.ts";
import { decodeReply, encodeRequest, type Report } from "../../src/chrony/packet.ts";
import { type Tracking, tracking } from "../../src/chrony/tracking.ts";
import { clockErrorBoundMs, clockErrorMs } from "../../src/clock/clock-error.ts";
import type { Result } from "../../src/result.ts";
import type { Chronyd } from "../parts/chronyd.ts";
import { startFollower } from "../parts/follower.ts";
import { freeUdpPort } from "../parts/free-port.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { waitFor } from "../parts/wait-for.ts";

async function read<Content>(
  address: string,
  report: Report<Content>,
): Promise<Result<Content, ChronyError>> {
  const parsed = parseChronyAddress(address);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  const client = await ChronyClient.open(parsed.value);
  if (!client.ok) {
    return client;
  }
  try {
    return await client.value.ask(report);
  } finally {
    client.value.close();
  }
}

async function readTracking(address: string): Promise<Tracking> {
  const reading = await read(address, tracking);
  assert.ok(reading.ok, reading.ok ? "" : describeChronyError(reading.error));
  return reading.value;
}

async function errorOf(address: string, report: Report<unknown> = tracking): Promise<ChronyError> {
  const reading = await read(address, report);
  assert.ok(!reading.ok, "an error was expected, and there is a report");
  return reading.error;
}

const openFileDescriptors = async () => (await readdir("/proc/self/fd")).length;

describe("a poll of chronyd", () => {
  const scope = suiteScope();
  let folder: string;
  let follower: Chronyd;
  let commandPort: number;

  before(async () => {
    folder = await folderOf(scope);
    commandPort = await freeUdpPort();
    follower = await startFollower(scope, {
      // The client keeps this process' user.
      user: userInfo().username,
      offsetSeconds: 0.025,
      commandPort,
    });
  });

  function addresses(): readonly string[] {
    return [follower.address, `udp://127.0.0.1:${commandPort}`, `udp://[::1]:${commandPort}`];
  }

  test("agrees with chronyc, over the Unix socket, IPv4 and IPv6", async () => {
    for (const address of addresses()) {
      // A report between two equal ones of chronyc is of the same update.
      await waitFor(`${address} to agree with chronyc`, async () => {
        const [before] = await follower.query("tracking");
        const report = await readTracking(address);
        const [after] = await follower.query("tracking");
        if (before?.[3] !== after?.[3]) {
          return undefined;
        }
        assertSameAsChronyc(report, before ?? [], after ?? []);
        return true;
      });
    }
  });

  test("gives the clock error that follows from chronyc's numbers", async () => {
    await waitFor("two reports of chronyc of one update", async () => {
      const [before = []] = await follower.query("tracking");
      const report = await readTracking(follower.address);
      const [after = []] = await follower.query("tracking");
      if (before[3] !== after[3]) {
        return undefined;
      }
      // chronyc prints nine decimals of a second.
      const rounding = 3e-6;
      const [least, most] = [errorsOf(before), errorsOf(after)];
      assertBetween(clockErrorMs(report), least.error - rounding, most.error + rounding);
      assertBetween(clockErrorBoundMs(report), least.bound - 0.01, most.bound + 0.01);
      return true;
    });
    // The configured offset of the server is 25 ms: the bound has it, the last offset does not.
    await waitFor("an update whose way to the server was short", async () => {
      const report = await readTracking(follower.address);
      assert.ok(clockErrorBoundMs(report) > 24, `${clockErrorBoundMs(report)} ms`);
      assert.ok(clockErrorMs(report) < 10, `${clockErrorMs(report)} ms`);
      return true;
    });
  });

  test("decodes chronyd's refusals", async () => {
    const short: Report<unknown> = { ...tracking, requestBytes: 60 };
    const unknown: Report<unknown> = { ...tracking, command: 200 };
    for (const address of addresses()) {
      assert.deepEqual(await errorOf(address, short), refusal("TRACKING", 19));
      assert.deepEqual(await errorOf(address, unknown), refusal("TRACKING", 3));
    }
    const beyondTheLast: Report<unknown> = {
      ...tracking,
      command: 15,
      requestBytes: 76,
      writeRequestData: (data) => data.setInt32(20, 9999),
    };
    assert.deepEqual(await errorOf(follower.address, beyondTheLast), refusal("TRACKING", 4));
    const onlyOverUnix: Report<unknown> = { ...tracking, command: 54, requestBytes: 196 };
    assert.deepEqual(
      await errorOf(`udp://127.0.0.1:${commandPort}`, onlyOverUnix),
      refusal("TRACKING", 2),
    );
    assert.match(describeChronyError(refusal("SERVER_STATS", 2)), /status 2 \(UNAUTH.*Unix socket/);
  });

  test("of another version of the protocol is reported", async () => {
    for (const version of [5, 7]) {
      const packet = encodeRequest(tracking, 0, 0x0102_0304);
      packet[0] = version;
      const reply = await exchange(follower.address, packet);
      assert.deepEqual(decodeReply(tracking, reply), {
        ok: false,
        error: refusal("TRACKING", 18),
      });
    }
  });

  test("finds the next chronyd after a restart", async () => {
    await readTracking(follower.address);
    await follower.restart();
    await follower.waitUntilSynchronised();
    for (const address of addresses()) {
      await readTracking(address);
    }
  });

  test("of a frozen chronyd times out after a second, whatever is in its queue", async () => {
    await follower.freeze();
    try {
      for (const address of addresses()) {
        const errors = await Promise.all(Array.from({ length: 20 }, () => errorOf(address)));
        for (const error of errors) {
          assert.deepEqual(error, {
            kind: "timed out",
            report: "TRACKING",
            address,
            afterMs: 1000,
          });
        }
      }
    } finally {
      await follower.thaw();
    }
    await follower.waitUntilAnswering();
    for (const address of addresses()) {
      await readTracking(address);
    }
  });

  test("names each reason why chronyd cannot be reached", async () => {
    const missing = join(folder, "nowhere", "chronyd.sock");
    assert.deepEqual(await errorOf(`unix://${missing}`), { kind: "socket missing", path: missing });

    const noSocket = join(dirname(follower.socketPath), "other.sock");
    assert.deepEqual(await errorOf(`unix://${noSocket}`), {
      kind: "socket missing",
      path: noSocket,
    });

    // What a killed chronyd leaves: a socket file without a process.
    const abandoned = join(folder, "abandoned.sock");
    const socket = new DatagramSocket();
    socket.bind(abandoned);
    socket.close();
    assert.deepEqual(await errorOf(`unix://${abandoned}`), {
      kind: "nobody listens",
      address: `unix://${abandoned}`,
    });

    const silent = `udp://127.0.0.1:${await freeUdpPort()}`;
    assert.deepEqual(await errorOf(silent), { kind: "nobody listens", address: silent });

    const unknown = await errorOf("udp://chronyd.invalid:323");
    assert.equal(unknown.kind, "host unknown");
  });

  test("leaves no file descriptor and no socket file behind, whatever its result is", async () => {
    const runFolder = dirname(follower.socketPath);
    const endings = [
      ...addresses(),
      `unix://${join(folder, "nowhere", "chronyd.sock")}`,
      `unix://${join(runFolder, "other.sock")}`,
      `udp://127.0.0.1:${await freeUdpPort()}`,
    ];
    const round = () => Promise.all(endings.map((address) => read(address, tracking)));
    await round();
    const before = await openFileDescriptors();
    for (let i = 0; i < 200; i += 1) {
      await round();
    }
    await waitFor("as many file descriptors as before", async () => {
      const now = await openFileDescriptors();
      assert.ok(now <= before, `${now} are open, ${before} were before`);
      return true;
    });
    assert.deepEqual(await readdir(runFolder), ["chronyd.sock"]);
  });
});

function refusal(report: string, status: number): ChronyError {
  return { kind: "refused", report, status };
}

/** The clock error and the bound of a row of `chronyc -c tracking`, in milliseconds. */
function errorsOf(row: readonly string[]): { error: number; bound: number } {
  const [, , , , systemTime, lastOffset, , , , , delay, dispersion] = row.map(Number);
  const distance = (dispersion ?? 0) + (delay ?? 0) / 2;
  return {
    error: (Math.abs(lastOffset ?? 0) + distance) * 1000,
    bound: (Math.abs(systemTime ?? 0) + distance) * 1000,
  };
}

/** Sends one packet, and returns the first answer. */
async function exchange(address: string, packet: Uint8Array): Promise<Uint8Array> {
  const parsed = parseChronyAddress(address);
  assert.ok(parsed.ok);
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const socket = await parsed.value.open({
    received: (answer) => {
      resolve(answer);
      return true;
    },
    failed: (error) => reject(new Error(describeChronyError(error))),
  });
  assert.ok(socket.ok);
  socket.value.send(packet);
  const timer = setTimeout(() => reject(new Error("no answer within 30 s")), 30_000);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.value.close();
  }
}

/** Compares with `chronyc -c tracking` before and after the report, if both are of the same update. */
function assertSameAsChronyc(report: Tracking, before: string[], after: string[]): void {
  const [referenceId, address, stratum, referenceTime, systemTime, ...rest] = before.map(String);
  const [lastOffset, rmsOffset, frequency, residual, skew, delay, dispersion, interval, leap] =
    rest;
  assert.equal(report.referenceId, Number.parseInt(referenceId ?? "", 16));
  assert.deepEqual(report.address, { family: "ipv4", text: address });
  assert.equal(report.stratum, Number(stratum));
  assert.equal(report.leapStatus, leap?.toLowerCase());
  assertNear(report.referenceTimeSeconds, referenceTime, 1e-6);
  // chronyc prints nine decimals; the offset is slewed between the two.
  assertNear(report.systemTimeOffsetSeconds, systemTime, 1e-5);
  assertNear(report.lastOffsetSeconds, lastOffset, 1e-9);
  assertNear(report.rmsOffsetSeconds, rmsOffset, 1e-9);
  assertNear(report.frequencyPpm, frequency, 1e-3);
  assertNear(report.residualFrequencyPpm, residual, 1e-3);
  assertNear(report.skewPpm, skew, 1e-3);
  assertNear(report.rootDelaySeconds, delay, 1e-9);
  assertBetween(report.rootDispersionSeconds, Number(dispersion) - 1e-9, Number(after[11]) + 1e-9);
  assertNear(report.updateIntervalSeconds, interval, 0.1);
}

function assertNear(
  found: number | undefined,
  printed: string | undefined,
  tolerance: number,
): void {
  const difference = Math.abs((found ?? Number.NaN) - Number(printed));
  assert.ok(difference <= tolerance, `${found} is not ${printed} (within ${tolerance})`);
}

function assertBetween(found: number, least: number, most: number): void {
  assert.ok(found >= least && found <= most, `${found} is not between ${least} and ${most}`);
}

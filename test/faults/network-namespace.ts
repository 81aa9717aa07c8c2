import { randomInt } from "node:crypto";
import { endWith, type Owner } from "../parts/owner.ts";
import { runToEnd } from "../parts/run-to-end.ts";

/** A network namespace with one cable to the machine. It needs root, `ip` and `nft` (Debian: iproute2 and nftables). */
export type NetworkNamespace = {
  /** A command that runs another one in it. */
  readonly wrapper: readonly string[];
  /** This machine's address in it. */
  readonly hostAddress: string;
  /** Drops all packets from it silently. */
  dropEverything(): Promise<void>;
  carryEverything(): Promise<void>;
};

/** Creates a namespace. Its addresses are of 198.18.0.0/15, which is reserved for tests (RFC 2544). */
export async function networkNamespace(owner: Owner): Promise<NetworkNamespace> {
  const number = randomInt(2 ** 15);
  const name = `ct-${number}`;
  // /31: two addresses, one for each end of the cable.
  const base = 198 * 2 ** 24 + 18 * 2 ** 16 + 2 * number;
  const [hostAddress, innerAddress] = [dotted(base), dotted(base + 1)];
  const outer = `${name}-o`;
  const inner = `${name}-i`;
  await ip("netns", "add", name);
  // The cable is removed with it.
  endWith(owner, () => ip("netns", "delete", name));
  await ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", name);
  await ip("address", "add", `${hostAddress}/31`, "dev", outer);
  await ip("link", "set", outer, "up");
  await ip("-n", name, "address", "add", `${innerAddress}/31`, "dev", inner);
  await ip("-n", name, "link", "set", inner, "up");
  await ip("-n", name, "link", "set", "lo", "up");
  return {
    wrapper: ["ip", "netns", "exec", name],
    hostAddress,
    async dropEverything() {
      await nft(name, "add table inet faults");
      for (const hook of ["input", "output"]) {
        await nft(
          name,
          `add chain inet faults ${hook} { type filter hook ${hook} priority 0; policy drop; }`,
        );
      }
    },
    carryEverything: () => nft(name, "delete table inet faults"),
  };
}

async function nft(namespace: string, command: string): Promise<void> {
  await ip("netns", "exec", namespace, "nft", command);
}

async function ip(...args: string[]): Promise<void> {
  await runToEnd({
    name: `ip ${args.join(" ")}`,
    command: "ip",
    args,
    timeoutMs: 10_000,
  });
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((bits) => (address >>> bits) & 255).join(".");
}

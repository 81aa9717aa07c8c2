/** An address of each family. */
export type AddressPair = {
  readonly v4: string;
  readonly v6: string;
};

/** The families of the cluster's addresses. */
export type Families = "IPv4 and IPv6" | "IPv6";

/** The preferred address, for places that allow only one. */
export function preferredAddress(families: Families, { v4, v6 }: AddressPair): string {
  return families === "IPv6" ? v6 : v4;
}

/** The addresses of the cluster's families, the preferred one first. */
export function usedAddresses(families: Families, { v4, v6 }: AddressPair): string[] {
  return families === "IPv6" ? [v6] : [v4, v6];
}

/** An address in the notation of URLs. */
export function inUrl(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

/** The address of the control plane, of DNS and of the tests' backends. */
export const CONTROL_PLANE: AddressPair = { v4: "10.201.0.1", v6: "fd00:201::1" };

/** The length of the prefix that all nodes share, in bits. */
export const NODE_PREFIX_LENGTH = { v4: 24, v6: 64 } as const;

/** The range of service addresses. */
export const SERVICE_RANGE: AddressPair = { v4: "10.96.0.0/16", v6: "fd00:96::/112" };

/** The address of DNS for pods. */
export const DNS_SERVICE: AddressPair = { v4: "10.96.0.10", v6: "fd00:96::a" };

/** The API server's service: the first address of the range. */
export const API_SERVICE: AddressPair = { v4: "10.96.0.1", v6: "fd00:96::1" };

export const API_PORT = 6443;

/** @param number the node's, from 1 to 9 */
export function nodeAddress(number: number): AddressPair {
  return { v4: `10.201.0.1${number}`, v6: `fd00:201::1${number}` };
}

/** The range of a node's pod addresses. @param number the node's, from 1 to 9 */
export function podRange(number: number): AddressPair {
  return { v4: `10.244.${number}.0/24`, v6: `fd00:244:0:${number}::/64` };
}

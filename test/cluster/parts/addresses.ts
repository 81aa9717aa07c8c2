/** An address of each family, as a cluster with both has them. */
export type AddressPair = {
  readonly v4: string;
  readonly v6: string;
};

/** The addresses that pods and services have: of both families, or of IPv6 alone. */
export type Families = "IPv4 and IPv6" | "IPv6";

/** The one of two addresses that is used where only one can be. */
export function preferredAddress(families: Families, { v4, v6 }: AddressPair): string {
  return families === "IPv6" ? v6 : v4;
}

/** Those of two addresses that there are, the preferred first. */
export function usedAddresses(families: Families, { v4, v6 }: AddressPair): string[] {
  return families === "IPv6" ? [v6] : [v4, v6];
}

/** An address as it stands in a URL. */
export function inUrl(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

/** Where the control plane, the names of services and the backends of the tests are. */
export const CONTROL_PLANE: AddressPair = { v4: "10.201.0.1", v6: "fd00:201::1" };

/** How long the part of a node's address is that is common to all nodes, in bits. */
export const NODE_PREFIX_LENGTH = { v4: 24, v6: 64 } as const;

/** Where services get their addresses from. */
export const SERVICE_RANGE: AddressPair = { v4: "10.96.0.0/16", v6: "fd00:96::/112" };

/** The address at which pods ask for names. */
export const DNS_SERVICE: AddressPair = { v4: "10.96.0.10", v6: "fd00:96::a" };

/** The API server's own service: the first address of the range. */
export const API_SERVICE: AddressPair = { v4: "10.96.0.1", v6: "fd00:96::1" };

export const API_PORT = 6443;

/** @param number the node's, from 1 to 9. */
export function nodeAddress(number: number): AddressPair {
  return { v4: `10.201.0.1${number}`, v6: `fd00:201::1${number}` };
}

/** Where a node's pods get their addresses from. @param number the node's, from 1 to 9. */
export function podRange(number: number): AddressPair {
  return { v4: `10.244.${number}.0/24`, v6: `fd00:244:0:${number}::/64` };
}

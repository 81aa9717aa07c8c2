/**
 * Who a time source is. Every report names it differently (SOURCE_DATA puts a reference clock's id
 * where others have their address, SOURCESTATS gives it beside no address), and a source's index
 * changes whenever one before it is removed: this is what stays the same.
 */
import { type Address, type IpAddress, referenceIdText } from "./fields.ts";

export type Source =
  /** A server or a peer. */
  | { readonly kind: "ntp"; readonly address: IpAddress }
  | { readonly kind: "reference clock"; readonly referenceId: number }
  /** Its name has no address yet: nothing is known of it. */
  | { readonly kind: "unresolved"; readonly identifier: number };

/**
 * The source that has an address; the one that has none is a reference clock.
 * @param referenceId counts for a reference clock only: an NTP source's can be its server's (`copy`)
 */
export function sourceAt(address: Address, referenceId: number): Source {
  switch (address.family) {
    case "unspecified":
      return { kind: "reference clock", referenceId };
    case "ipv4":
    case "ipv6":
      return { kind: "ntp", address };
    case "unresolved":
      return { kind: "unresolved", identifier: address.identifier };
  }
}

/**
 * What tells a source from the others, and how chronyc and chrony_exporter write it: `192.0.2.1`,
 * `2001:db8::1`, `PHC0`. Only two reference clocks that were given the same id have the same.
 */
export function sourceText(source: Source): string {
  switch (source.kind) {
    case "ntp":
      return source.address.text;
    case "reference clock":
      return referenceIdText(source.referenceId);
    case "unresolved":
      return `ID#${String(source.identifier).padStart(10, "0")}`;
  }
}

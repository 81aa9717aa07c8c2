/**
 * The identity of a time source. It is the same in all reports, although they name a reference clock
 * differently: SOURCE_DATA puts its id in place of the address, SOURCESTATS beside an empty address.
 * The index is no identity, because it changes when an earlier source is removed.
 */
import { type Address, type IpAddress, referenceIdText } from "./fields.ts";

export type Source =
  /** A server or a peer. */
  | { readonly kind: "ntp"; readonly address: IpAddress }
  | { readonly kind: "reference clock"; readonly referenceId: number }
  /** Its name has no address yet, and nothing else is known. */
  | { readonly kind: "unresolved"; readonly identifier: number };

/**
 * The source with an address. A source without one is a reference clock.
 * @param referenceId used only for a reference clock: with `copy`, an NTP source has the id of its server
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
 * The text that identifies a source, as chronyc and chrony_exporter write it: `192.0.2.1`,
 * `2001:db8::1`, `PHC0`. It is unique, except for reference clocks configured with the same id.
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

/**
 * N_SOURCES: how many time sources chronyd has, including unresolved ones.
 * Command 14, reply 2, 32 bytes each (`RPY_N_Sources` in chrony's `candm.h`).
 */
import type { Report } from "./packet.ts";

export const numberOfSources: Report<number> = {
  name: "N_SOURCES",
  command: 14,
  requestBytes: 32,
  replies: [{ code: 2, bytes: 32, decode: (data) => data.getUint32(28) }],
};

/**
 * Detects when the agent must restart because chronyd's socket directory changed. In a container the
 * directory is a mount. If the node deletes and recreates it, the mount still shows the deleted one
 * until the container restarts.
 */
import { type Stats, statSync } from "node:fs";
import { runAsFor, type User, userText } from "../privileges.ts";

/** Why the agent must restart. */
export type SocketDirectoryFault =
  | { readonly kind: "deleted"; readonly path: string }
  | {
      readonly kind: "owner changed";
      readonly path: string;
      readonly from: string;
      readonly to: string;
    };

/** One sentence for a person. */
export function describeSocketDirectoryFault(fault: SocketDirectoryFault): string {
  switch (fault.kind) {
    case "deleted":
      return `${fault.path} was deleted under the agent: it has to start again to see the new one.`;
    case "owner changed":
      return `${fault.path} changed its owner to ${fault.to} (uid:gid), and the agent started for ${fault.from}: it has to start again to follow.`;
  }
}

/** Compares the directory with what it was when the agent started. */
export class SocketDirectory {
  readonly #path: string;
  readonly #runAs: User | undefined;
  #firstOwner: User | undefined;

  /**
   * @param runAs the user that the agent switched to because of the directory, if it was started as
   *   root; otherwise the first owner seen is the reference
   */
  constructor(path: string, runAs?: User) {
    this.#path = path;
    this.#runAs = runAs;
  }

  /**
   * Checks once. A missing directory is no fault: chronyd is not running, and the path will lead to
   * the new directory.
   */
  check(): SocketDirectoryFault | undefined {
    let stats: Stats | undefined;
    try {
      stats = statSync(this.#path);
    } catch {
      // Missing, or not readable: the polls fail too, and report it.
    }
    if (stats === undefined) {
      return undefined;
    }
    if (stats.nlink === 0) {
      return { kind: "deleted", path: this.#path };
    }
    this.#firstOwner ??= stats;
    // The user that a restarted agent would run as. It is not the owner if root owns the directory.
    const [startedFor, wanted] =
      this.#runAs === undefined
        ? [this.#firstOwner, stats]
        : [this.#runAs, runAsFor(this.#path, stats).user];
    return userText(startedFor) === userText(wanted)
      ? undefined
      : {
          kind: "owner changed",
          path: this.#path,
          from: userText(startedFor),
          to: userText(stats),
        };
  }
}

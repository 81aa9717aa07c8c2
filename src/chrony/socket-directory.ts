/**
 * Whether the directory of chronyd's socket is still the one that the agent can work in. Inside a
 * container it is a mount: when the node deletes and recreates it, the mount goes on showing the
 * deleted one, and only a restarted container sees the new one.
 */
import { type Stats, statSync } from "node:fs";
import { runAsFor, type User, userText } from "../privileges.ts";

/** What makes a restart of the agent necessary. */
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

/** Remembers whom the agent started for, and compares. */
export class SocketDirectory {
  readonly #path: string;
  readonly #runAs: User | undefined;
  #firstOwner: User | undefined;

  /**
   * @param runAs whom the agent became because of the directory, when root started it; else it
   *   started for the owner who is seen first
   */
  constructor(path: string, runAs?: User) {
    this.#path = path;
    this.#runAs = runAs;
  }

  /**
   * Looks once. A directory that is missing is no fault: chronyd is not running, and the path will
   * lead to the new one.
   */
  check(): SocketDirectoryFault | undefined {
    let stats: Stats | undefined;
    try {
      stats = statSync(this.#path);
    } catch {
      // Missing, or not allowed to look: the readings fail, too, and say so.
    }
    if (stats === undefined) {
      return undefined;
    }
    if (stats.nlink === 0) {
      return { kind: "deleted", path: this.#path };
    }
    this.#firstOwner ??= stats;
    // Started again, it would become this one: for a directory of root's that is not the owner.
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

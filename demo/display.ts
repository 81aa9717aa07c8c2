import type { View } from "./view.ts";

/** Where the view is shown. */
export type Display = {
  show(view: View): void;
  /** Nothing is shown any more; what comes next is written by others. */
  close(): void;
};

import type { View } from "./view.ts";

/** Where the view is shown. */
export type Display = {
  show(view: View): void;
  /** Ends the view. Others may write afterwards. */
  close(): void;
};

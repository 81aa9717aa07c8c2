/**
 * A part that the tests or the demo need is not available on this machine. The message says what is missing, what was
 * tried, and what to do.
 */
export class MissingPart extends Error {
  override readonly name = "MissingPart";
}

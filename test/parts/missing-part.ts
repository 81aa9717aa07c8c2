/**
 * A part that the tests or the demo need and that this machine cannot give. The message says what
 * is missing, what was tried and what to do about it.
 */
export class MissingPart extends Error {
  override readonly name = "MissingPart";
}

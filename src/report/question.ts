/** What a report is asked. */
export type Question = {
  /** The range: after `fromMs`, up to and including `toMs`, in milliseconds since 1970. */
  readonly fromMs: number;
  readonly toMs: number;
  /** The largest error that is within the limit, in milliseconds. */
  readonly limitMs: number;
  /** The error of the reference, which the operator declares. It is added to every error. */
  readonly referenceErrorMs: number;
  /** The time before a sample of the peak that the sample covers, in milliseconds. */
  readonly peakWindowMs: number;
};

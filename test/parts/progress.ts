/** Is told what is being done, a line at a time. */
export type Progress = (line: string) => void;

/** For tests: their standard output is read by the test runner. */
export const progressToStandardError: Progress = (line) => {
  process.stderr.write(`${line}\n`);
};

/** Gets progress, one line at a time. */
export type Progress = (line: string) => void;

/** For tests, because the test runner reads their standard output. */
export const progressToStandardError: Progress = (line) => {
  process.stderr.write(`${line}\n`);
};

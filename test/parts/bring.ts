export { bringChronyd } from "./bring-chronyd.ts";
export { bringCollector } from "./bring-collector.ts";
export { bringPrograms, type Programs } from "./bring-programs.ts";
export { bringPrometheus } from "./bring-prometheus.ts";
export { type Progress, progressToStandardError } from "./progress.ts";

export { bringChronyd } from "./bring-chronyd.ts";
export { bringCollector } from "./bring-collector.ts";
export { bringPrometheus } from "./bring-prometheus.ts";
export { type Progress, progressToStandardError } from "./progress.ts";

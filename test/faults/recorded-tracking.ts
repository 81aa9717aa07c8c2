/**
 * A second decoder of chronyd's TRACKING reply, for the checker only. It shares no code with the agent's decoder, so
 * that a mistake in one of them is found. Offsets: `RPY_Tracking` in chrony's candm.h.
 */

/** The fields of a TRACKING reply that the checker needs, with chrony's names. */
export type RecordedTracking = {
  readonly referenceId: number;
  readonly stratum: number;
  readonly leap: number;
  readonly currentCorrection: number;
  readonly lastOffset: number;
  readonly rmsOffset: number;
  readonly freqPpm: number;
  readonly residFreqPpm: number;
  readonly skewPpm: number;
  readonly rootDelay: number;
  readonly rootDispersion: number;
  readonly lastUpdateInterval: number;
};

const TRACKING_BYTES = 104;
const LEAP_UNSYNCHRONISED = 3;
const LOCAL_REFERENCE_ID = 0x7f7f0101;

/** The report in a datagram; `undefined` when it is not a successful TRACKING reply. */
export function recordedTracking(datagram: Buffer): RecordedTracking | undefined {
  const isTracking =
    datagram.length === TRACKING_BYTES &&
    datagram.readUInt8(0) === 6 &&
    datagram.readUInt8(1) === 2 &&
    datagram.readUInt16BE(4) === 33 &&
    datagram.readUInt16BE(6) === 5 &&
    datagram.readUInt16BE(8) === 0;
  if (!isTracking) {
    return undefined;
  }
  const float = (offset: number) => chronyFloat(datagram.readUInt32BE(offset));
  return {
    referenceId: datagram.readUInt32BE(28),
    stratum: datagram.readUInt16BE(52),
    leap: datagram.readUInt16BE(54),
    currentCorrection: float(68),
    lastOffset: float(72),
    rmsOffset: float(76),
    freqPpm: float(80),
    residFreqPpm: float(84),
    skewPpm: float(88),
    rootDelay: float(92),
    rootDispersion: float(96),
    lastUpdateInterval: float(100),
  };
}

/** Seven bits of signed exponent, 25 of signed coefficient: coefficient × 2^(exponent − 25). */
function chronyFloat(word: number): number {
  const exponent = word >> 25;
  const coefficient = (word << 7) >> 7;
  return coefficient * 2 ** (exponent - 25);
}

/** `chrony_clock_error_ms` by docs/metrics.md. */
export function errorMs({ lastOffset, rootDispersion, rootDelay }: RecordedTracking): number {
  return 1000 * (Math.abs(lastOffset) + rootDispersion + rootDelay / 2);
}

/** `chrony_clock_error_bound_ms` by docs/metrics.md. */
export function boundMs({
  currentCorrection,
  rootDispersion,
  rootDelay,
}: RecordedTracking): number {
  return 1000 * (Math.abs(currentCorrection) + rootDispersion + rootDelay / 2);
}

/** The possible states of a report. If there are several, it depends on earlier reports. */
export function possibleStates(tracking: RecordedTracking): readonly string[] {
  if (tracking.leap === LEAP_UNSYNCHRONISED || tracking.stratum === 0) {
    return ["unsynchronised"];
  }
  return tracking.referenceId === LOCAL_REFERENCE_ID
    ? ["local"]
    : ["synchronised", "stale", "stepped"];
}

/** The values of the plain `chrony_tracking_…` metrics of a report. */
export function trackingValues(tracking: RecordedTracking): Readonly<Record<string, number>> {
  return {
    chrony_tracking_stratum: tracking.stratum,
    chrony_tracking_system_time_seconds: tracking.currentCorrection,
    chrony_tracking_last_offset_seconds: tracking.lastOffset,
    chrony_tracking_rms_offset_seconds: tracking.rmsOffset,
    chrony_tracking_frequency_ppms: tracking.freqPpm,
    chrony_tracking_residual_frequency_ppms: tracking.residFreqPpm,
    chrony_tracking_skew_ppms: tracking.skewPpm,
    chrony_tracking_root_delay_seconds: tracking.rootDelay,
    chrony_tracking_root_dispersion_seconds: tracking.rootDispersion,
    chrony_tracking_update_interval_seconds: tracking.lastUpdateInterval,
  };
}

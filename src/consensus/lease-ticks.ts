/** By what share the clocks of two peers may differ in rate. Quartz and NTP stay far below. */
const CLOCK_DRIFT_MAX = 0.1;

/**
 * How many ticks of the leader a lease lasts. A follower protects its leader for `electionTicks` of its own ticks, the
 * first of which may be almost over when it hears it, and any of which may make up for up to `slackTicks` that came
 * late. The leader may run slower by the bound on drift, and its own ticks may be late as well.
 */
export const leaseTicks = (electionTicks: number, slackTicks: number): number =>
  Math.floor((electionTicks - 1 - slackTicks) * (1 - CLOCK_DRIFT_MAX)) - slackTicks;

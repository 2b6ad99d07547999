/** What a node tells of how busy it is; `/v1/cluster` shows it. */
export interface NodeLoad {
  /** Live connections that clients hold open there. */
  readonly sockets: number;
  readonly messagesPerSecond: number;
  /** How late its timers are, milliseconds. */
  readonly eventLoopLagMs: number;
}

/** A node whose timers are so late counts as twice as loaded. */
const LAG_MS_DOUBLES = 50;

/**
 * How loaded a node is, as one number ≥ 1: (1 + sockets + messages a second) × (1 + lag / 50 ms). A socket and a
 * message a second weigh the same. Lag multiplies, because a process that is held up serves each of them late.
 */
export function loadScore({ sockets, messagesPerSecond, eventLoopLagMs }: NodeLoad): number {
  const work = 1 + Math.max(0, sockets) + Math.max(0, messagesPerSecond);
  return work * (1 + Math.max(0, eventLoopLagMs) / LAG_MS_DOUBLES);
}

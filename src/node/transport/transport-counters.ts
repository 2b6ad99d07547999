import { DROP_REASONS, type DropReason } from './drop-reason.ts';

/** What a transport did since its start; for metrics and tests. */
export interface TransportCounters {
  /** Frames published, fragments counted one by one. */
  framesSent: number;
  bytesSent: number;
  /** Genuine frames received, fragments counted one by one. */
  framesReceived: number;
  bytesReceived: number;
  /** Appends that left once for several peers. */
  sharedFramesSent: number;
  greetingsSent: number;
  hints: number;
  /** What was not sent because NATS was down, the receiver's boot not known yet, or the payload too large. */
  readonly notSent: Record<'down' | 'unknown-boot' | 'unknown-peer' | 'too-large', number>;
  readonly dropped: Record<DropReason, number>;
}

export const newCounters = (): TransportCounters => ({
  framesSent: 0,
  bytesSent: 0,
  framesReceived: 0,
  bytesReceived: 0,
  sharedFramesSent: 0,
  greetingsSent: 0,
  hints: 0,
  notSent: { down: 0, 'unknown-boot': 0, 'unknown-peer': 0, 'too-large': 0 },
  dropped: Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<DropReason, number>,
});

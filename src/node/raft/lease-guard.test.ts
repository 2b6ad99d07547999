import { describe, expect, it } from 'vitest';
import { leaseTicks } from '../../consensus/lease-ticks.ts';
import { LeaseGuard, leaseSlackTicks } from './lease-guard.ts';
import { DEFAULT_RAFT_SETTINGS, type RaftSettings } from './raft-settings.ts';

const voids = (reads: RaftSettings['reads'], isLate: boolean, isAgreed: boolean): boolean => {
  let voided = false;
  const core = { voidLease: () => void (voided = true) };
  new LeaseGuard({ reads, ticker: { isLate }, core, isAgreed: () => isAgreed }).check();
  return voided;
};

describe('LeaseGuard', () => {
  it('ends the lease of a node whose clock is late, or whose peers may not keep the promise', () => {
    expect(voids('lease', false, true)).toBe(false);
    expect(voids('lease', true, true)).toBe(true);
    expect(voids('lease', false, false)).toBe(true);
  });

  it('has nothing to do where reads are confirmed by a majority', () => {
    expect(voids('quorum', true, false)).toBe(false);
  });

  it('leaves leases that outlast several heartbeats with the settings that nodes have', () => {
    const { electionTicks, heartbeatTicks } = DEFAULT_RAFT_SETTINGS;
    expect(leaseSlackTicks({ stallMs: 101, tickMs: 25 })).toBe(5);
    expect(leaseTicks(electionTicks, leaseSlackTicks(DEFAULT_RAFT_SETTINGS))).toBeGreaterThan(3 * heartbeatTicks);
  });
});

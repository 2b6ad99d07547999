import { beforeEach, describe, expect, it } from 'vitest';
import type { PeerProgress } from '../../consensus/status.ts';
import type { LogIndex, PeerId } from '../../consensus/types.ts';
import { LeaderHandover } from './leader-handover.ts';

const P2 = 2 as PeerId;
const P3 = 3 as PeerId;

describe('LeaderHandover', () => {
  const peer = (id: number, match: number, changes: Partial<PeerProgress> = {}): PeerProgress => ({
    id: id as PeerId,
    match: match as LogIndex,
    next: (match + 1) as LogIndex,
    state: 'replicate',
    paused: false,
    pendingSnapshot: 0 as LogIndex,
    recentActive: true,
    activeLately: true,
    inflightMessages: 0,
    inflightBytes: 0,
    inflightsFull: false,
    isLearner: false,
    ...changes,
  });
  let nowMs = 0;
  let peers: PeerProgress[] = [];
  let asked: PeerId[] = [];
  let handover: LeaderHandover;
  beforeEach(() => {
    nowMs = 0;
    asked = [];
    handover = new LeaderHandover({
      self: 1 as PeerId,
      settings: { electionTicks: 20, tickMs: 25 },
      monotonicMs: () => nowMs,
      progress: () => peers,
      transfer: (to) => asked.push(to),
    });
  });

  it('chooses the longest log among voters that follow closely and are fit', () => {
    peers = [
      peer(1, 99),
      peer(2, 50),
      peer(3, 60),
      peer(4, 90, { isLearner: true }),
      peer(5, 90, { state: 'snapshot' }),
      peer(6, 90, { state: 'probe' }),
      peer(7, 80),
    ];
    handover.toBest(({ id }) => id !== 7);
    expect(asked).toEqual([P3]);
  });

  it('asks once per election timeout, and waits while nobody is fit', () => {
    peers = [peer(1, 99), peer(2, 50)];
    handover.toBest(() => false);
    expect(asked).toEqual([]);
    handover.toBest(() => true);
    nowMs = 499;
    handover.toBest(() => true);
    expect(asked).toEqual([P2]);
    nowMs = 500;
    handover.toBest(() => true);
    expect(asked).toEqual([P2, P2]);
  });
});

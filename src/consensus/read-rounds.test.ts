import { describe, expect, it } from 'vitest';
import { makeMessage, MessageType } from './message.ts';
import { ReadRounds } from './read-rounds.ts';
import type { LogIndex, PeerId } from './types.ts';

const id = (value: number): PeerId => value as PeerId;
const voters = { voters: [1, 2, 3, 4, 5].map(id), votersOutgoing: [] };

const rounds = (): { reads: ReadRounds; ask: (index: number) => void; confirmed: () => number[] } => {
  const reads = new ReadRounds();
  return {
    reads,
    ask: (index) => reads.queue(makeMessage(MessageType.readIndex, {}), index as LogIndex),
    confirmed: () => reads.takeConfirmed(voters).map(({ index }) => index),
  };
};

describe('read rounds', () => {
  it('confirm a read by any round that begins after it, and by none before', () => {
    const { reads, ask, confirmed } = rounds();
    const before = reads.begin(id(1), 0);
    ask(7);
    for (const peer of [2, 3, 4, 5]) reads.acknowledge(id(peer), before);
    expect(confirmed()).toEqual([]);
    const after = reads.begin(id(1), 0);
    reads.acknowledge(id(2), after);
    expect(confirmed()).toEqual([]);
    reads.acknowledge(id(3), after);
    expect(confirmed()).toEqual([7]);
    expect(confirmed()).toEqual([]);
  });

  it('take a late answer to an older round for what it is', () => {
    const { reads, ask, confirmed } = rounds();
    const first = reads.begin(id(1), 0);
    ask(7);
    const second = reads.begin(id(1), 0);
    reads.acknowledge(id(2), second);
    reads.acknowledge(id(2), first);
    reads.acknowledge(id(3), second);
    expect(confirmed()).toEqual([7]);
  });

  it('count no answer to what was never asked', () => {
    const { reads, ask, confirmed } = rounds();
    const other = rounds().reads;
    for (let count = 0; count < 9; count += 1) other.begin(id(1), 0);
    const far = other.begin(id(1), 0);
    ask(7);
    reads.begin(id(1), 0);
    for (const context of [far, new Uint8Array(8), new Uint8Array(3), new Uint8Array()]) {
      for (const peer of [2, 3, 4, 5]) reads.acknowledge(id(peer), context);
    }
    for (let count = 0; count < 12; count += 1) {
      expect(confirmed()).toEqual([]);
      reads.begin(id(1), 0);
    }
  });

  it('remember when the latest confirmed round was sent, until that is made void', () => {
    const { reads, confirmed } = rounds();
    const contexts = [3, 4, 5].map((tick) => reads.begin(id(1), tick));
    for (const peer of [2, 3]) reads.acknowledge(id(peer), contexts[1]!);
    expect(confirmed()).toEqual([]);
    expect(reads.confirmedSentAtTick).toBe(4);
    reads.voidSent();
    for (const peer of [2, 3]) reads.acknowledge(id(peer), contexts[2]!);
    expect(confirmed()).toEqual([]);
    expect(reads.confirmedSentAtTick).toBeUndefined();
  });
});

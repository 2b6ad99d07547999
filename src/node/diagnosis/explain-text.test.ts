import { describe, expect, it } from 'vitest';
import type { LogIndex, PeerId } from '../../consensus/types.ts';
import { whyNoLeader, whyNotCommitting } from './explain-text.ts';

const context = { nameOf: (peer: PeerId) => `n${peer}`, tickMs: 25 };
const peers = (...ids: number[]): PeerId[] => ids as PeerId[];

describe('why there is no leader', () => {
  it('names whose votes are missing, and leaves out who has nothing to do with it', () => {
    const votes = { kind: 'votes-missing', granted: peers(1), refused: [], silent: peers(2, 3) } as const;
    expect(whyNoLeader(votes, context)).toBe('it asks for votes: granted by n1, no answer from n2, n3');
  });

  it('says how long it waits, in milliseconds', () => {
    expect(whyNoLeader({ kind: 'waiting-for-timeout', ticksLeft: 4 }, context)).toContain('in 100 ms');
  });

  it('says why a node may not stand', () => {
    expect(whyNoLeader({ kind: 'campaign-refused', reason: 'repairing' }, context)).toContain('once acknowledged');
  });
});

describe('why nothing is committed', () => {
  it('is none of a follower’s business', () => {
    expect(whyNotCommitting({ kind: 'not-leader', leader: 2 as PeerId }, context)).toBeNull();
    expect(whyNotCommitting({ kind: 'no-leader' }, context)).toBeNull();
  });

  it('names who lags, and what is missing', () => {
    const lagging = [
      { id: 1 as PeerId, match: 4 as LogIndex, waitingFor: 'own-disk' },
      { id: 3 as PeerId, match: 2 as LogIndex, waitingFor: 'contact' },
    ] as const;
    expect(whyNotCommitting({ kind: 'majority-behind', lagging }, context)).toBe(
      'it waits for acknowledgements: n1 (waiting for its own disk), n3 (waiting for any sign of life)',
    );
  });
});

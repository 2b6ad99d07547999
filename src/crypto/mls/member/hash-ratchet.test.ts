import { describe, expect, it } from 'vitest';
import { nodePrimitives } from '../../node-mls-primitives.ts';
import { nodeRandom } from '../../node-random.ts';
import { FORWARD_RATCHET_MAX, forwardTo, newRatchet, takeKey } from './hash-ratchet.ts';
import { memberSuite } from './primitives.ts';

const suite = memberSuite(3, nodePrimitives);
const fresh = newRatchet(nodeRandom(32));

describe('a sender ratchet (RFC 9420 section 9.1)', () => {
  it('keeps the keys of skipped messages, the latest ones, each until it is used', () => {
    const [, far] = takeKey(suite, fresh, FORWARD_RATCHET_MAX);
    const [, farther] = takeKey(suite, far, FORWARD_RATCHET_MAX + 101);
    expect([far.skipped.size, farther.skipped.size]).toEqual([FORWARD_RATCHET_MAX, FORWARD_RATCHET_MAX]);
    expect(() => takeKey(suite, farther, 99)).toThrow('read before');
    const [key, after] = takeKey(suite, farther, 100);
    expect(key).toEqual(takeKey(suite, fresh, 100)[0]);
    expect(() => takeKey(suite, after, 100)).toThrow('read before');
    expect(after.secret).toBe(farther.secret);
  });

  it('keeps no key on the own way', () => {
    const forward = forwardTo(suite, fresh, 70);
    expect([forward.generation, forward.skipped.size]).toEqual([70, 0]);
    expect(takeKey(suite, forward, 70)[0]).toEqual(takeKey(suite, fresh, 70)[0]);
    expect(forwardTo(suite, forward, 5)).toEqual(forward);
  });
});

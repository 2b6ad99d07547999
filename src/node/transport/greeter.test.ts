import { beforeEach, describe, expect, it } from 'vitest';
import type { NodeName } from '../../protocol/ids.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { Greeter } from './greeter.ts';

const n2 = 'n2' as NodeName;
const n3 = 'n3' as NodeName;

let clock = new ManualClock();
let known = new Set<NodeName>();
let greetings: string[] = [];
let greeter = newGreeter();

function newGreeter(): Greeter {
  return new Greeter({
    clock,
    expected: [n2, n3],
    isKnown: (node) => known.has(node),
    greetEverybody: () => greetings.push('all'),
    greet: (node, boot) => greetings.push(`${node} ${boot}`),
  });
}

beforeEach(() => {
  clock = new ManualClock();
  known = new Set();
  greetings = [];
  greeter = newGreeter();
});

describe('Greeter', () => {
  it('greets ever more rarely, at least once a second, until all expected nodes are known', () => {
    greeter.start();
    clock.advance(1_000);
    expect(greetings).toHaveLength(5);
    clock.advance(10_000);
    expect(greetings.length).toBeGreaterThanOrEqual(15);
    known.add(n2).add(n3);
    clock.advance(5_000);
    const count = greetings.length;
    clock.advance(60_000);
    expect(greetings).toHaveLength(count);
    expect(clock.pendingTimers).toBe(0);
  });

  it('greets nobody when all are known, and nobody after it was stopped', () => {
    greeter.start();
    greeter.stop();
    clock.advance(10_000);
    expect(greetings).toEqual(['all']);
    known.add(n2).add(n3);
    greeter.start();
    expect(greetings).toEqual(['all']);
  });

  it('answers each node, but not each of its frames', () => {
    for (let i = 0; i < 5; i += 1) {
      greeter.answer(n2, 7);
      greeter.answer(n3, 8);
    }
    expect(greetings).toEqual(['n2 7', 'n3 8']);
    clock.advance(10);
    greeter.answer(n2, 9);
    expect(greetings).toEqual(['n2 7', 'n3 8', 'n2 9']);
  });

  it('introduces itself on demand, within limits', () => {
    greeter.introduce();
    greeter.introduce();
    clock.advance(10);
    greeter.introduce();
    expect(greetings).toEqual(['all', 'all']);
  });
});

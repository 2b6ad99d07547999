import { describe, expect, it } from 'vitest';
import { orderNodes } from './choose-node.ts';
import type { Balance, KnownNode } from './choose-node.ts';

const node = (url: string, sockets: number, more: { messagesPerSecond?: number; eventLoopLagMs?: number } = {}) => ({
  ...{ url, up: true },
  load: { sockets, messagesPerSecond: 0, eventLoopLagMs: 0, ...more },
});
const unknown = (url: string): KnownNode => ({ url, up: true, load: null });
const down = (url: string): KnownNode => ({ url, up: false, load: null });

/** Which node comes first how often, over evenly spread chances. */
function firsts(nodes: readonly KnownNode[], balance: Balance, rounds = 60): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let round = 0; round < rounds; round++) {
    const [first] = orderNodes(nodes, balance, () => round / rounds);
    counts[first!] = (counts[first!] ?? 0) + 1;
  }
  return counts;
}

describe('the order of nodes', () => {
  it.each([0, 0.3, 0.6, 0.999])('is that of their load, whatever chance says (%d)', (chance) => {
    const nodes = [node('c', 900), node('a', 10), node('b', 100)];
    expect(orderNodes(nodes, 'least-loaded', () => chance)).toEqual(['a', 'b', 'c']);
  });

  it('counts messages and lateness too', () => {
    const busy = node('busy', 100, { messagesPerSecond: 400 });
    const late = node('late', 100, { eventLoopLagMs: 1_000 });
    const idle = node('idle', 100);
    expect(orderNodes([late, busy, idle], 'least-loaded', () => 0)).toEqual(['idle', 'busy', 'late']);
  });

  it('leaves equals to chance, so that the clients of a node that ends do not all go to one', () => {
    const nodes = [node('a', 1_000), node('b', 1_100), node('c', 1_200), node('d', 9_000)];
    expect(firsts(nodes, 'least-loaded')).toEqual({ a: 20, b: 20, c: 20 });
    expect(firsts([node('a', 0), node('b', 3)], 'least-loaded')).toEqual({ a: 30, b: 30 });
  });

  it('is chance alone where that is wanted', () => {
    expect(firsts([node('a', 0), node('b', 500), unknown('c')], 'random')).toEqual({ a: 20, b: 20, c: 20 });
  });

  it.each(['least-loaded', 'random'] as const)('puts nodes that are down last (%s), and leaves out none', (balance) => {
    const nodes = [down('d'), unknown('b'), node('a', 50)];
    for (const chance of [0, 0.5, 0.999]) {
      const order = orderNodes(nodes, balance, () => chance);
      expect(order.at(-1)).toBe('d');
      expect(order.toSorted()).toEqual(['a', 'b', 'd']);
      if (balance === 'least-loaded') expect(order).toEqual(['a', 'b', 'd']);
    }
  });

  it('is empty without nodes', () => {
    expect(orderNodes([], 'least-loaded', () => 0)).toEqual([]);
  });
});

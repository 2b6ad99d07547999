import { describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.ts';
import { NodeInfoExchange } from './node-info.ts';
import type { NodeName } from '../protocol/ids.ts';
import type { NodeInfo } from './node-info.ts';
import type { Transport } from './ports.ts';

const NAMES = ['n1', 'n2', 'n3'] as NodeName[];
const [n1, n2, n3] = NAMES as [NodeName, NodeName, NodeName];

/** Nodes that tell each other of themselves, over frames that all arrive unless one is cut off. */
class Exchanges {
  readonly clock = new ManualClock();
  readonly nodes = new Map<NodeName, NodeInfoExchange>();
  readonly told: string[] = [];
  readonly cutOff = new Set<NodeName>();
  readonly sent = { direct: 0, broadcast: 0 };

  start(name: NodeName): void {
    const deliver = (to: NodeName, payload: Uint8Array): void => {
      if (!this.cutOff.has(name) && !this.cutOff.has(to)) this.nodes.get(to)?.receive(name, payload);
    };
    const transport = {
      send: (to: NodeName, _kind: string, payload: Uint8Array) => {
        this.sent.direct += 1;
        deliver(to, payload);
      },
      broadcast: (_kind: string, payload: Uint8Array) => {
        this.sent.broadcast += 1;
        for (const to of NAMES) if (to !== name) deliver(to, payload);
      },
    } as unknown as Transport;
    const exchange = new NodeInfoExchange({
      transport,
      clock: this.clock,
      self: () => ({ id: name, api: `http://${name}` }) as unknown as NodeInfo,
      onTold: (from) => this.told.push(`${name} heard ${from}`),
    });
    this.nodes.set(name, exchange);
    exchange.start();
  }

  of(name: NodeName): NodeInfoExchange {
    return this.nodes.get(name)!;
  }
}

describe('what nodes tell of themselves', () => {
  it('is told to all as a node starts, and goes on being told', () => {
    const world = new Exchanges();
    for (const name of [n1, n2]) world.start(name);
    expect(world.of(n1).isFresh(n3)).toBe(false);
    world.told.length = 0;
    world.start(n3);
    expect(world.told).toEqual(['n1 heard n3', 'n2 heard n3']);
    for (const name of [n1, n2]) expect(world.of(name).last(n3)).toMatchObject({ api: 'http://n3' });
    world.clock.advance(10_000);
    for (const name of [n1, n2]) expect(world.of(name).isFresh(n3)).toBe(true);
    expect(world.sent.direct).toBe(0);
  });

  it('ends when a node falls silent: it is taken to be gone, by all, and to be back when it speaks again', () => {
    const world = new Exchanges();
    for (const name of NAMES) world.start(name);
    world.clock.advance(1_000);
    world.cutOff.add(n3);
    world.clock.advance(2_000);
    expect([world.of(n1).isFresh(n3), world.of(n2).isFresh(n3)]).toEqual([true, true]);
    world.clock.advance(1_000);
    expect([world.of(n1).isFresh(n3), world.of(n2).isFresh(n3)]).toEqual([false, false]);
    expect(world.of(n1).last(n3)).not.toBeNull();
    world.cutOff.delete(n3);
    world.clock.advance(1_000);
    expect([world.of(n1).isFresh(n3), world.of(n2).isFresh(n3)]).toEqual([true, true]);
  });

  it('is answered at once by those who are asked, each directly to who asks; the others are not waited for', async () => {
    const world = new Exchanges();
    for (const name of NAMES) world.start(name);
    world.cutOff.add(n3);
    const asked = world.of(n1).ask([n2, n3], 500);
    expect(world.sent.direct).toBe(1);
    world.clock.advance(500);
    expect([...(await asked)]).toEqual([n2]);
    expect([...(await world.of(n1).ask([n2], 500))]).toEqual([n2]);
    expect([...(await world.of(n1).ask([], 500))]).toEqual([]);
  });

  it('ends with its node', () => {
    const world = new Exchanges();
    for (const name of [n1, n2]) world.start(name);
    world.of(n2).stop();
    world.clock.advance(5_000);
    expect(world.of(n1).isFresh(n2)).toBe(false);
  });
});

import { describe, expect, it } from 'vitest';
import { alternativesOf } from './alternatives.ts';
import type { ChatNode } from '../../node/ports.ts';

type Nodes = ReturnType<ChatNode['clusterView']>['nodes'];

function told(nodes: Nodes): string[] {
  const view = { clusterId: null, node: 'n1', leader: 'n1', term: 1, registration: 'open' as const, nodes };
  return alternativesOf({ name: 'n1', clusterView: () => view } as unknown as ChatNode);
}
const load = (sockets: number, messagesPerSecond = 0, eventLoopLagMs = 0): Nodes[number]['load'] => ({
  ...{ sockets, messagesPerSecond, eventLoopLagMs },
});

describe('where a node sends its clients', () => {
  it('is to the least loaded first, by all that is known of the load', () => {
    const nodes = [
      { id: 'n1', url: 'http://n1', up: true, load: load(0) },
      { id: 'n2', url: 'http://n2', up: true, load: null },
      { id: 'n3', url: 'http://n3', up: true, load: load(10, 500) },
      { id: 'n4', url: 'http://n4', up: true, load: load(100) },
      { id: 'n5', url: 'http://n5', up: true, load: load(90, 0, 1_000) },
      { id: 'n6', url: 'http://n6', up: false, load: null },
      { id: 'n7', url: null, up: true, load: load(0) },
    ];
    expect(told(nodes)).toEqual(['http://n4', 'http://n3', 'http://n5', 'http://n2']);
  });
});

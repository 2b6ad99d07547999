import { loadScore } from '../protocol/node-load.ts';
import type { NodeLoad } from '../protocol/node-load.ts';

/** How a client to which no endpoints were given chooses among the nodes that it knows. */
export const BALANCES = ['least-loaded', 'random'] as const;
export type Balance = (typeof BALANCES)[number];

export interface KnownNode {
  readonly url: string;
  readonly up: boolean;
  /** Null where nobody told. */
  readonly load: NodeLoad | null;
}

/**
 * Nodes whose scores differ by less are equals, and chance decides: the figures are a little old, and all clients of
 * a node that ends would otherwise arrive at the same one.
 */
const EQUAL_FACTOR = 1.25;
const EQUAL_SLACK = 8;

/**
 * The order in which to try nodes. Those that are down come last, those whose load is unknown before them.
 * @param chance from 0 up to 1
 * @returns each node's URL
 */
export function orderNodes(nodes: readonly KnownNode[], balance: Balance, chance: () => number): string[] {
  const up = nodes.filter((node) => node.up);
  const down = nodes.filter((node) => !node.up);
  const groups = balance === 'random' ? [up, down] : [...equalsIn(up), up.filter(({ load }) => load === null), down];
  return groups.flatMap((group) => shuffled(group, chance)).map(({ url }) => url);
}

/** The nodes whose load is known: groups of equals, the least loaded first. */
function equalsIn(nodes: readonly KnownNode[]): KnownNode[][] {
  const scored = nodes
    .flatMap((node) => (node.load === null ? [] : [{ node, score: loadScore(node.load) }]))
    .toSorted((a, b) => a.score - b.score);
  const groups: KnownNode[][] = [];
  let scoreMax = -1;
  for (const { node, score } of scored) {
    if (score <= scoreMax) groups.at(-1)!.push(node);
    else {
      groups.push([node]);
      scoreMax = score * EQUAL_FACTOR + EQUAL_SLACK;
    }
  }
  return groups;
}

/** Fisher and Yates: every order is as likely. */
function shuffled<T>(items: readonly T[], chance: () => number): T[] {
  const rest = [...items];
  const order: T[] = [];
  while (rest.length > 0) order.push(...rest.splice(Math.floor(chance() * rest.length), 1));
  return order;
}

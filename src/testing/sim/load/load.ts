import type { Application } from '../application.ts';
import type { SimNode } from '../sim-node.ts';

/** What clients do with the cluster, and what they check of its answers. */
export interface Load {
  readonly application: Application;
  /** Commands without answer. */
  readonly pending: number;
  readonly attempts: number;
  readonly acked: number;
  readonly reads: number;
  start(): void;
  /** No new commands; those under way go on until they are acknowledged. */
  stop(): void;
  burst(commands: number): void;
  /** All is repaired: a node has everything that was acknowledged, once, where it was said to be. */
  checkFinal(node: SimNode): void;
}

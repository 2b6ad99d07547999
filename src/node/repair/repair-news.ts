import type { RaftEvent } from '../../consensus/events.ts';
import type { StoreDamage } from '../store/node-store.ts';

/** What is worth a line in the log of a node that heals. */
export const REPAIR_NEWS: { readonly [K in RaftEvent['kind']]?: string } = {
  'entries-restored': 'what the log had lost is back, without a leader',
  'state-restored': 'the state was fetched from another node: the log goes on from there',
  repaired: 'repaired: the log is whole again',
};

/** For people. @param outlook what stands in the way, if that is known */
export function describeRepair({ reason, where }: StoreDamage, outlook: string | null): string {
  const news = outlook === null ? reason : `${reason}; ${outlook}`;
  return `Being repaired by the other nodes: ${news} (${where})`;
}

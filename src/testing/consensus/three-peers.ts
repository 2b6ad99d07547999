import { makeMessage, type Message, type MessageFields, type MessageType } from '../../consensus/message.ts';
import type { Status } from '../../consensus/status.ts';
import {
  ConfChangeTransition,
  EMPTY_BYTES,
  EntryType,
  type ConfChange,
  type ConfChangeKind,
  type ConfChangeStep,
  type Entry,
  type LogIndex,
  type PeerId,
  type Term,
} from '../../consensus/types.ts';
import { Cluster, type ClusterOptions } from './cluster.ts';

/** What tests of a whole core begin with: three voters, the first of them leading, and short ways to say things. */

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (data: Uint8Array): string => new TextDecoder().decode(data);
export const id = (value: number): PeerId => value as PeerId;
export const at = (value: number): LogIndex => value as LogIndex;
export const inTerm = (value: number): Term => value as Term;

export const three = (peer: NonNullable<ClusterOptions['peer']> = {}): Cluster => {
  const cluster = new Cluster({ voters: [1, 2, 3], peer });
  cluster.elect(1);
  return cluster;
};

/** What was proposed as text and applied at a peer, in order. */
export const appliedTexts = (cluster: Cluster, peer: number): string[] =>
  cluster
    .peer(peer)
    .applied.filter(({ type, data }) => type === 'normal' && data.length > 0)
    .map(({ data }) => text(data));

export const statusOf = (cluster: Cluster, peer: number): Status => cluster.peer(peer).raw.status();

/** A message as another peer would send it. */
export const tell = (
  type: MessageType,
  { from, to, term }: { readonly from: number; readonly to: number; readonly term: number },
  fields: MessageFields = {},
): Message => makeMessage(type, { from: id(from), to: id(to), term: inTerm(term), ...fields });

/** Entries of the given terms, one after another, from index `from` on. */
export const entriesOf = (from: number, ...terms: number[]): Entry[] =>
  terms.map((term, position) => ({
    index: at(from + position),
    term: inTerm(term),
    type: EntryType.normal,
    data: bytes(`${from + position}@${term}`),
  }));

/** A change of the membership in the newer form, carried out by the way that its steps ask for. */
export const change = (...steps: [ConfChangeKind, number][]): ConfChange => ({
  version: 2,
  transition: ConfChangeTransition.auto,
  steps: steps.map(([kind, peer]): ConfChangeStep => ({ kind, peer: id(peer) })),
  context: EMPTY_BYTES,
});

/** The same change, through a joint configuration that an empty change has to leave. */
export const explicitly = (changed: ConfChange): ConfChange => ({
  ...changed,
  version: 2,
  transition: ConfChangeTransition.jointExplicit,
  steps: changed.version === 2 ? changed.steps : [changed.step],
});

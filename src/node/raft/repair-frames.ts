import { Packr } from 'msgpackr';
import type { Entry, LogIndex, Snapshot } from '../../consensus/types.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { packEntries, packSnapshot, readEntries, readSnapshot } from './message-codec.ts';

/** What a damaged node asks the others for, and how they answer, with a leader or without. */

/** A place in a log: whoever has this chain hash there has the same entries up to there. */
export interface ChainPoint {
  readonly index: LogIndex;
  readonly hash: Uint8Array;
}

export type RepairRequest =
  /** Entries after `after`, on the way to `goal`. */
  | { readonly kind: 'entries'; readonly after: ChainPoint; readonly goal: ChainPoint }
  /** A state that contains at least the entry `least`. */
  | { readonly kind: 'state'; readonly least: LogIndex };

/** Why a node cannot help. */
export type RepairRefusal =
  /** It has compacted its log beyond these entries. */
  | 'compacted'
  /** Its log ends before them, or has a gap itself. */
  | 'lacking'
  /** It has other entries in their place. */
  | 'different'
  /** Its state does not reach that far, or is being replaced. */
  | 'behind'
  /** It serves as many others as it can. */
  | 'busy';

const REFUSALS: readonly RepairRefusal[] = ['compacted', 'lacking', 'different', 'behind', 'busy'];

export type RepairAnswer =
  | { readonly kind: 'entries'; readonly after: ChainPoint; readonly entries: readonly Entry[] }
  | { readonly kind: 'state'; readonly snapshot: Snapshot }
  | { readonly kind: 'refused'; readonly what: RepairRequest['kind']; readonly refusal: RepairRefusal };

const VERSION = 1;
const ENTRIES = 0;
const STATE = 1;
const REFUSED = 2;

const packr = new Packr({ useRecords: false, moreTypes: false });

export function encodeRepairRequest(request: RepairRequest): Uint8Array {
  if (request.kind === 'state') return packr.pack([VERSION, STATE, request.least]);
  const { after, goal } = request;
  return packr.pack([VERSION, ENTRIES, after.index, after.hash, goal.index, goal.hash]);
}

/** @throws ParleyError `bad_request` */
export function decodeRepairRequest(bytes: Uint8Array): RepairRequest {
  const [kind, ...fields] = fieldsOf(bytes);
  if (kind === STATE && isIndex(fields[0])) return { kind: 'state', least: fields[0] };
  if (kind !== ENTRIES) throw malformed();
  return { kind: 'entries', after: pointOf(fields[0], fields[1]), goal: pointOf(fields[2], fields[3]) };
}

/** Entries and snapshots travel as in Raft's own messages. */
export function encodeRepairAnswer(answer: RepairAnswer): Uint8Array {
  if (answer.kind === 'refused') {
    const what = answer.what === 'entries' ? ENTRIES : STATE;
    return packr.pack([VERSION, REFUSED, what, REFUSALS.indexOf(answer.refusal)]);
  }
  if (answer.kind === 'state') return packr.pack([VERSION, STATE, packSnapshot(answer.snapshot)]);
  const { after, entries } = answer;
  return packr.pack([VERSION, ENTRIES, after.index, after.hash, packEntries(entries)]);
}

/** @throws ParleyError `bad_request` */
export function decodeRepairAnswer(bytes: Uint8Array): RepairAnswer {
  const [kind, ...fields] = fieldsOf(bytes);
  if (kind === STATE) return { kind: 'state', snapshot: readSnapshot(fields[0]) };
  if (kind === ENTRIES) {
    return { kind: 'entries', after: pointOf(fields[0], fields[1]), entries: readEntries(fields[2]) };
  }
  const refusal = REFUSALS[Number(fields[1])];
  if (kind !== REFUSED || refusal === undefined) throw malformed();
  return { kind: 'refused', what: fields[0] === ENTRIES ? 'entries' : 'state', refusal };
}

function fieldsOf(bytes: Uint8Array): unknown[] {
  let value: unknown;
  try {
    // A plain view: entries are to be plain arrays of bytes, whatever this is.
    value = packr.unpack(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (cause) {
    throw new ParleyError('bad_request', 'A repair frame is malformed.', { cause });
  }
  if (!Array.isArray(value) || value[0] !== VERSION) throw malformed();
  return value.slice(1);
}

function pointOf(index: unknown, hash: unknown): ChainPoint {
  if (!isIndex(index) || !(hash instanceof Uint8Array)) throw malformed();
  return { index, hash: Uint8Array.from(hash) };
}

const isIndex = (value: unknown): value is LogIndex => Number.isSafeInteger(value) && (value as number) >= 0;

const malformed = (): ParleyError => new ParleyError('bad_request', 'A repair frame is malformed.');

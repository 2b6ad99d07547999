import { ConsensusError } from '../errors.ts';
import {
  ConfChangeKind,
  ConfChangeTransition,
  EMPTY_BYTES,
  EntryType,
  type ConfChange,
  type ConfChangeStep,
  type ConfChangeV2,
  type Entry,
  type PeerId,
} from '../types.ts';
import { LEAVE_JOINT } from './conf-change.ts';

/**
 * Conf changes as bytes: Protocol Buffers wire format with the field numbers and enumeration values
 * of raftpb's `ConfChange` and `ConfChangeV2`, so that tools for such logs can read ours, and fields
 * that a later version adds are skipped by an earlier one. No bytes at all mean "leave the joint
 * configuration", which therefore never counts against a limit.
 */

const KINDS = [
  ConfChangeKind.addVoter,
  ConfChangeKind.remove,
  ConfChangeKind.update,
  ConfChangeKind.addLearner,
] as const;
const TRANSITIONS = [
  ConfChangeTransition.auto,
  ConfChangeTransition.jointImplicit,
  ConfChangeTransition.jointExplicit,
] as const;

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

const malformed = (what: string): ConsensusError =>
  new ConsensusError('invalid-conf-change', `malformed conf change: ${what}`);

const writeVarint = (out: number[], value: number): void => {
  let rest = value;
  while (rest >= 0x80) {
    out.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  out.push(rest);
};

const writeNumber = (out: number[], field: number, value: number): void => {
  writeVarint(out, field * 8 + VARINT);
  writeVarint(out, value);
};

const writeBytes = (out: number[], field: number, bytes: ArrayLike<number>): void => {
  writeVarint(out, field * 8 + BYTES);
  writeVarint(out, bytes.length);
  for (let at = 0; at < bytes.length; at += 1) out.push(bytes[at]!);
};

const writeStep = (out: number[], typeField: number, step: ConfChangeStep): void => {
  writeNumber(out, typeField, KINDS.indexOf(step.kind));
  writeNumber(out, typeField + 1, step.peer);
};

/** Encodes `change` as the data of an entry of type `entryTypeOf(change)`. */
export const encodeConfChange = (change: ConfChange): Uint8Array => {
  const out: number[] = [];
  if (change.version === 1) {
    writeStep(out, 2, change.step);
    if (change.context.length > 0) writeBytes(out, 4, change.context);
    return Uint8Array.from(out);
  }
  writeNumber(out, 1, TRANSITIONS.indexOf(change.transition));
  for (const step of change.steps) {
    const inner: number[] = [];
    writeStep(inner, 1, step);
    writeBytes(out, 2, inner);
  }
  if (change.context.length > 0) writeBytes(out, 3, change.context);
  return Uint8Array.from(out);
};

export const entryTypeOf = (change: ConfChange): EntryType =>
  change.version === 1 ? EntryType.confChange : EntryType.confChangeV2;

export const isConfChangeEntry = (entry: Entry): boolean => entry.type !== EntryType.normal;

type Field = { readonly number: number; readonly value: number; readonly bytes: Uint8Array };

/** Reads the fields of a message in order; unknown ones are for the caller to ignore. */
class FieldReader {
  readonly #data: Uint8Array;
  #at = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  next(): Field | undefined {
    if (this.#at === this.#data.length) return undefined;
    const tag = this.#varint();
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case VARINT:
        return { number, value: this.#varint(), bytes: EMPTY_BYTES };
      case BYTES:
        return { number, value: 0, bytes: this.#take(this.#varint()) };
      case FIXED64:
        return { number, value: 0, bytes: this.#take(8) };
      case FIXED32:
        return { number, value: 0, bytes: this.#take(4) };
      default:
        throw malformed(`wire type ${tag % 8}`);
    }
  }

  #varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 0x80) {
      const byte = this.#data[this.#at];
      if (byte === undefined) throw malformed('ends within a number');
      this.#at += 1;
      value += (byte & 0x7f) * factor;
      if (!Number.isSafeInteger(value)) throw malformed('number out of range');
      if (byte < 0x80) return value;
    }
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#data.length) throw malformed('ends within a field');
    const bytes = this.#data.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }
}

const kindOf = (value: number): ConfChangeKind => {
  const kind = KINDS[value];
  if (kind === undefined) throw malformed(`unknown kind ${value}`);
  return kind;
};

const decodeV1 = (data: Uint8Array): ConfChange => {
  const reader = new FieldReader(data);
  let kind: ConfChangeKind = ConfChangeKind.addVoter;
  let peer = 0;
  let context = EMPTY_BYTES;
  for (let field = reader.next(); field !== undefined; field = reader.next()) {
    if (field.number === 2) kind = kindOf(field.value);
    else if (field.number === 3) peer = field.value;
    else if (field.number === 4) context = new Uint8Array(field.bytes);
  }
  return { version: 1, step: { kind, peer: peer as PeerId }, context };
};

const decodeStep = (data: Uint8Array): ConfChangeStep => {
  const reader = new FieldReader(data);
  let kind: ConfChangeKind = ConfChangeKind.addVoter;
  let peer = 0;
  for (let field = reader.next(); field !== undefined; field = reader.next()) {
    if (field.number === 1) kind = kindOf(field.value);
    else if (field.number === 2) peer = field.value;
  }
  return { kind, peer: peer as PeerId };
};

const decodeV2 = (data: Uint8Array): ConfChangeV2 => {
  if (data.length === 0) return LEAVE_JOINT;
  const reader = new FieldReader(data);
  const steps: ConfChangeStep[] = [];
  let transition: ConfChangeTransition = ConfChangeTransition.auto;
  let context = EMPTY_BYTES;
  for (let field = reader.next(); field !== undefined; field = reader.next()) {
    if (field.number === 1) {
      const known = TRANSITIONS[field.value];
      if (known === undefined) throw malformed(`unknown transition ${field.value}`);
      transition = known;
    } else if (field.number === 2) steps.push(decodeStep(field.bytes));
    else if (field.number === 3) context = new Uint8Array(field.bytes);
  }
  return { version: 2, transition, steps, context };
};

/**
 * Reads the change out of a conf change entry. Throws `ConsensusError` `invalid-conf-change` when
 * the data is malformed or the entry is a normal one.
 */
export const decodeConfChange = (entry: Pick<Entry, 'type' | 'data'>): ConfChange => {
  if (entry.type === EntryType.normal) throw malformed('it is a normal entry');
  return entry.type === EntryType.confChange ? decodeV1(entry.data) : decodeV2(entry.data);
};

import { readAuthenticatedContent, writeAuthenticatedContent } from '../authenticated-content.ts';
import { MlsError, verify } from '../error.ts';
import { decode } from '../tls-reader.ts';
import { encode } from '../tls-writer.ts';
import { collectTreeChanges, readTreeRecords } from '../tree-records.ts';
import { collectMessageChanges, readEpochMessages, recordsOfEpoch } from './epoch-messages-codec.ts';
import {
  readEpochState,
  readPrivateKeys,
  readRetainedSecrets,
  writeEpochState,
  writePrivateKeys,
  writeRetainedSecrets,
} from './epoch-state-codec.ts';
import { MemberGroup } from './member-group.ts';
import type { RatchetTree } from '../ratchet-tree.ts';
import type { TlsReader } from '../tls-reader.ts';
import type { TlsWriter } from '../tls-writer.ts';
import type { RecordChanges } from '../tree-records.ts';
import type { EpochMessages } from './epoch-messages.ts';
import type { EpochState } from './epoch-state.ts';
import type { MemberOptions } from './member-options.ts';
import type { MemberParts, StagedCommit } from './member-parts.ts';
import type { RatchetType } from './secret-tree.ts';

const VERSION = 1;

/** Changes to write in one transaction, together with whatever else belongs to them (outbox, cursor). */
export interface Save {
  /** By key; null deletes. Contains secrets. */
  readonly changes: RecordChanges;
  /**
   * The transaction is durable: generations that it reserved can be used. When it failed, the group must not be used
   * any more, but read back from what is durable.
   */
  readonly confirm: () => void;
}

/**
 * A group's durable state as records (versioned), of which a message changes two or three small ones and a commit
 * those of one path. What must be durable before anything leaves: the reservation before an application message, the
 * staged commit before a commit.
 */
export class GroupRecords {
  #tree: RatchetTree | null = null;
  #state: EpochState | null = null;
  #resumption: ReadonlyMap<bigint, Uint8Array> | null = null;
  #staged: StagedCommit | null = null;
  #isDiscarded = false;
  #epochs = new Set<bigint>();
  readonly #keys = new Set<string>();

  /** @param reserve how many generations to have ready, of each kind; none by default */
  save(group: MemberGroup, reserve: Partial<Record<RatchetType, number>> = {}): Save {
    const { parts } = group;
    const changes: RecordChanges = new Map();
    this.#collectState(changes, parts);
    const confirm = reserveGenerations(parts.current, reserve);
    const epochs = [parts.current, ...parts.past];
    for (const messages of epochs) collectMessageChanges(changes, messages, !this.#epochs.has(messages.epoch));
    const kept = new Set(epochs.map(({ epoch }) => epoch));
    for (const epoch of this.#epochs) {
      if (!kept.has(epoch)) for (const key of recordsOfEpoch(this.#keys, epoch)) changes.set(key, null);
    }
    this.#epochs = kept;
    for (const [key, value] of changes) {
      if (value === null) this.#keys.delete(key);
      else this.#keys.add(key);
    }
    return { changes, confirm };
  }

  #collectState(changes: RecordChanges, { state, staged, resumption, isDiscarded }: MemberParts): void {
    if (state !== this.#state || resumption !== this.#resumption || isDiscarded !== this.#isDiscarded) {
      changes.set('state', encodeState(state, resumption, isDiscarded));
    }
    if (state.group.tree !== this.#tree) collectTreeChanges(changes, this.#tree, state.group.tree);
    if (staged !== this.#staged) changes.set('staged', staged === null ? null : encode(writeStaged, staged));
    this.#tree = state.group.tree;
    this.#state = state;
    this.#resumption = resumption;
    this.#staged = staged;
    this.#isDiscarded = isDiscarded;
  }

  /**
   * The group as it was last saved, and what writes the next changes. It must catch up with the log before it sends
   * (`MemberGroup.caughtUp`).
   * @throws MlsError (`malformed`, `bad_tree`)
   */
  static restore(
    options: MemberOptions,
    records: ReadonlyMap<string, Uint8Array>,
  ): { readonly group: MemberGroup; readonly records: GroupRecords } {
    const parts = readParts(options, records);
    const restored = new GroupRecords();
    restored.#tree = parts.state.group.tree;
    restored.#state = parts.state;
    restored.#resumption = parts.resumption;
    restored.#staged = parts.staged;
    restored.#isDiscarded = parts.isDiscarded;
    restored.#epochs = new Set([parts.current, ...parts.past].map(({ epoch }) => epoch));
    for (const key of records.keys()) restored.#keys.add(key);
    return { group: new MemberGroup(options, parts, true), records: restored };
  }
}

function readParts(options: MemberOptions, records: ReadonlyMap<string, Uint8Array>): MemberParts {
  const stateRecord = records.get('state');
  if (stateRecord === undefined) throw new MlsError('malformed', 'The record of the state is missing.');
  const { state, resumption, isDiscarded } = decode((reader) => readState(reader, options, records), stateRecord);
  const { epoch } = state.group.context;
  const current = readEpochMessages(options.suite, records, epoch);
  if (current === null) throw new MlsError('malformed', 'The records of the current epoch are missing.');
  const past: EpochMessages[] = [];
  for (let before = epoch - 1n; past.length < (options.pastEpochsMax ?? 0); before--) {
    const messages = readEpochMessages(options.suite, records, before);
    if (messages === null) break;
    past.push(messages);
  }
  const stagedRecord = records.get('staged');
  const staged = stagedRecord === undefined ? null : decode(readStaged, stagedRecord);
  return { state, current, past, resumption, staged, isDiscarded };
}

/** Reserves now, in what is written; the generations can be used when that is durable. */
function reserveGenerations(messages: EpochMessages, counts: Partial<Record<RatchetType, number>>): () => void {
  const { own } = messages.input;
  const reserved = { handshake: own.handshake.reserved, application: own.application.reserved };
  for (const type of ['handshake', 'application'] as const) {
    const wanted = own[type].next + (counts[type] ?? 0);
    reserved[type] = Math.max(reserved[type], wanted);
    own[type].pending = reserved[type];
  }
  return () => {
    own.handshake.reserved = Math.max(own.handshake.reserved, reserved.handshake);
    own.application.reserved = Math.max(own.application.reserved, reserved.application);
  };
}

function encodeState(state: EpochState, resumption: ReadonlyMap<bigint, Uint8Array>, isDiscarded: boolean): Uint8Array {
  return encode((writer) => {
    writer.uint8(VERSION).uint8(isDiscarded ? 1 : 0);
    writer.vector(resumption, (inner, [epoch, psk]) => inner.uint64(epoch).opaque(psk));
    writeEpochState(writer, state);
  }, null);
}

function readState(
  reader: TlsReader,
  { suite }: MemberOptions,
  records: ReadonlyMap<string, Uint8Array>,
): Pick<MemberParts, 'state' | 'resumption' | 'isDiscarded'> {
  verify(reader.uint8() === VERSION, 'malformed', 'The record of the state is of another version.');
  const isDiscarded = reader.uint8() === 1;
  const resumption = new Map(reader.vector((inner) => [inner.uint64(), inner.opaque()] as const));
  const state = readEpochState(reader, suite, (leafCount) => readTreeRecords(records, leafCount));
  return { state, resumption, isDiscarded };
}

function writeStaged(writer: TlsWriter, { hash, message, secrets, privateKeys }: StagedCommit): void {
  writer.uint8(VERSION).opaque(hash);
  writeAuthenticatedContent(writer, message);
  writeRetainedSecrets(writer, secrets);
  writer.opaque(secrets.encryptionSecret);
  writePrivateKeys(writer, privateKeys);
}

function readStaged(reader: TlsReader): StagedCommit {
  verify(reader.uint8() === VERSION, 'malformed', 'The record of the staged commit is of another version.');
  return {
    hash: reader.opaque(),
    message: readAuthenticatedContent(reader),
    secrets: { ...readRetainedSecrets(reader), encryptionSecret: reader.opaque() },
    privateKeys: readPrivateKeys(reader),
  };
}

import { readGroupContext, writeGroupContext } from '../group-context.ts';
import { decode } from '../tls-reader.ts';
import { encode } from '../tls-writer.ts';
import { EpochMessages, newGenerations } from './epoch-messages.ts';
import { readHashRatchet, writeHashRatchet } from './hash-ratchet.ts';
import { SecretTree } from './secret-tree.ts';
import type { RecordChanges } from '../tree-records.ts';
import type { MemberSuite } from './primitives.ts';
import type { LeafRatchets } from './secret-tree.ts';

type Records = ReadonlyMap<string, Uint8Array>;

/**
 * One epoch's message keys as records: what stays as it is, the counters with the secrets that are not used yet, and
 * two ratchets per member who wrote something, so that a message changes two small records.
 */
const fixedKey = (epoch: bigint): string => `epoch/${epoch}/fixed`;
const countersKey = (epoch: bigint): string => `epoch/${epoch}/counters`;
const secretsKey = (epoch: bigint): string => `epoch/${epoch}/secrets`;
const ratchetPrefix = (epoch: bigint): string => `epoch/${epoch}/ratchets/`;

/** Puts what changed since the last call into `changes`. */
export function collectMessageChanges(changes: RecordChanges, messages: EpochMessages, isNew: boolean): void {
  const { epoch, input } = messages;
  const { secretTree } = input;
  if (isNew) changes.set(fixedKey(epoch), encodeFixed(messages));
  changes.set(countersKey(epoch), encodeCounters(messages));
  if (!isNew && secretTree.changed.size === 0) return;
  for (const leafIndex of secretTree.changed) {
    changes.set(`${ratchetPrefix(epoch)}${leafIndex}`, encodeRatchets(secretTree.ratchets(leafIndex)));
  }
  secretTree.changed.clear();
  if (isNew || secretTree.hasNewSecrets) changes.set(secretsKey(epoch), encodeSecrets(secretTree));
  secretTree.hasNewSecrets = false;
}

/** The keys of all records of an epoch whose messages are no longer read. */
export function recordsOfEpoch(keys: Iterable<string>, epoch: bigint): string[] {
  return [...keys].filter((key) => key.startsWith(`epoch/${epoch}/`));
}

function encodeFixed({ input }: EpochMessages): Uint8Array {
  return encode((writer) => {
    writeGroupContext(writer, input.context);
    writer.opaque(input.senderDataSecret).uint32(input.ownLeaf);
    writer.vector(input.signatureKeys, (inner, [leafIndex, key]) => inner.uint32(leafIndex).opaque(key));
  }, null);
}

/** Only what is reserved, the reservation at hand included: the generations below are taken, whether they were used or not. */
function encodeCounters({ input: { own } }: EpochMessages): Uint8Array {
  return encode((writer) => writer.uint32(own.handshake.pending).uint32(own.application.pending), null);
}

function encodeSecrets(tree: SecretTree): Uint8Array {
  return encode((writer) => {
    writer.vector(tree.secrets, (inner, [node, secret]) => inner.uint32(node).opaque(secret));
  }, null);
}

function encodeRatchets(ratchets: LeafRatchets): Uint8Array {
  return encode((writer) => {
    writeHashRatchet(writer, ratchets.handshake);
    writeHashRatchet(writer, ratchets.application);
  }, null);
}

/** Null when there are no records of the epoch. The own ratchets go on behind what was reserved. */
export function readEpochMessages(suite: MemberSuite, records: Records, epoch: bigint): EpochMessages | null {
  const [fixed, counters, secrets] = [fixedKey, countersKey, secretsKey].map((key) => records.get(key(epoch)));
  if (fixed === undefined || counters === undefined || secrets === undefined) return null;
  const reserved = decode((reader) => ({ handshake: reader.uint32(), application: reader.uint32() }), counters);
  const tree = decode((reader) => reader.vector((inner) => [inner.uint32(), inner.opaque()] as const), secrets);
  const prefix = ratchetPrefix(epoch);
  const ratchets = [...records].filter(([key]) => key.startsWith(prefix));
  const secretTree = new SecretTree(
    suite,
    new Map(tree),
    new Map(ratchets.map(([key, record]) => [Number(key.slice(prefix.length)), decodeRatchets(record)])),
  );
  const messages = decode((reader) => {
    const context = readGroupContext(reader);
    const [senderDataSecret, ownLeaf] = [reader.opaque(), reader.uint32()];
    const keys = reader.vector((inner) => [inner.uint32(), inner.opaque()] as const);
    return new EpochMessages(suite, {
      context,
      senderDataSecret,
      ownLeaf,
      signatureKeys: new Map(keys),
      secretTree,
      own: { handshake: newGenerations(reserved.handshake), application: newGenerations(reserved.application) },
    });
  }, fixed);
  messages.skipReserved();
  return messages;
}

function decodeRatchets(record: Uint8Array): LeafRatchets {
  return decode((reader) => ({ handshake: readHashRatchet(reader), application: readHashRatchet(reader) }), record);
}

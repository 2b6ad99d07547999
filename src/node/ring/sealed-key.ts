import { createHash } from 'node:crypto';
import { Packr } from 'msgpackr';
import { nodeEd25519 } from '../../crypto/node-ed25519.ts';
import { nodeAesGcmSuite } from '../../crypto/node-noise.ts';
import { K } from '../../crypto/noise/handshake-pattern.ts';
import { HandshakeState } from '../../crypto/noise/handshake-state.ts';
import type { RandomBytes } from '../../crypto/random.ts';
import type { ClusterId } from '../../protocol/ids.ts';
import type { NodeIdentity } from '../identity/node-identity.ts';
import { agreementKeyOf, isPublicIdentity, signingKeyOf, type PublicIdentity } from '../identity/public-identity.ts';

/**
 * A key of the ring as it stands in the log: sealed to the keys of each node that is to have it (Noise_K, one message),
 * with its hash, so that nobody is given another one, and the author's signature over all of it.
 * `[format, author, hash, [[node, box], …], signature]` as msgpack.
 */

const FORMAT = 1;
export const RING_KEY_BYTES = 32;
/** As many nodes as a table may hold. */
const BOXES_MAX = 64;
const HASH_LABEL = 'parley/v1/ring-key-hash';
const BOX_LABEL = 'parley/v1/ring-key-box';
const SIGNATURE_LABEL = 'parley/v1/ring-key';
const packr = new Packr({ useRecords: false });

type BoxRow = readonly [node: PublicIdentity, box: Uint8Array];

export interface SealingEnv {
  readonly cluster: ClusterId;
  /** Of this node. */
  readonly identity: NodeIdentity;
  readonly random: RandomBytes;
}

/** Draws a key. */
export function sealNewKey(env: SealingEnv, receivers: readonly PublicIdentity[]): Uint8Array {
  const { identity, cluster, random } = env;
  const key = random(RING_KEY_BYTES);
  const keyHash = hashOf(key);
  const boxes: BoxRow[] = [];
  for (const receiver of receivers) {
    const box = stateOf(env, 'initiator', receiver, keyHash).writeMessage(key);
    // Keys with which nothing is secret are nobody's: their holder would get the key from nobody.
    if (box !== null) boxes.push([receiver, box]);
  }
  const signature = nodeEd25519.sign(identity.signing.secretKey, signedBytes(cluster, keyHash, boxes));
  return packr.pack([FORMAT, identity.public, keyHash, boxes, signature]);
}

export interface SealedKey {
  readonly author: PublicIdentity;
  readonly keyHash: Uint8Array;
  /** This node's key of the ring; null where none was sealed to it. */
  readonly key: Uint8Array | null;
}

/** Undefined for what no node has made. */
export function openSealedKey(env: SealingEnv, sealed: Uint8Array): SealedKey | undefined {
  const parsed = parse(sealed);
  if (parsed === undefined) return undefined;
  const { author, keyHash, boxes, signature } = parsed;
  const message = signedBytes(env.cluster, keyHash, boxes);
  if (!nodeEd25519.verify({ publicKey: signingKeyOf(author), message, signature })) return undefined;
  const box = boxes.find(([node]) => node === env.identity.public)?.[1];
  if (box === undefined) return { author, keyHash, key: null };
  const key = stateOf(env, 'responder', author, keyHash).readMessage(box);
  return key !== null && isKeyOf(key, keyHash) ? { author, keyHash, key } : undefined;
}

export const isKeyOf = (key: Uint8Array, keyHash: Uint8Array): boolean =>
  key.length === RING_KEY_BYTES && Buffer.compare(hashOf(key), keyHash) === 0;

function parse(
  sealed: Uint8Array,
): { author: PublicIdentity; keyHash: Uint8Array; boxes: readonly BoxRow[]; signature: Uint8Array } | undefined {
  let value: unknown;
  try {
    value = packr.unpack(sealed);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value) || value[0] !== FORMAT) return undefined;
  const [, author, keyHash, boxes, signature] = value as unknown[];
  if (!isPublicIdentity(author) || !isBytes(keyHash) || !isBytes(signature) || !Array.isArray(boxes)) return undefined;
  if (boxes.length > BOXES_MAX || !boxes.every(isBoxRow)) return undefined;
  return { author, keyHash, boxes, signature: Uint8Array.from(signature) };
}

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;
const isBoxRow = (row: unknown): row is BoxRow => Array.isArray(row) && isPublicIdentity(row[0]) && isBytes(row[1]);

function stateOf(
  { cluster, identity, random }: SealingEnv,
  role: 'initiator' | 'responder',
  remote: PublicIdentity,
  keyHash: Uint8Array,
): HandshakeState {
  return new HandshakeState({
    suite: nodeAesGcmSuite,
    pattern: K,
    role,
    prologue: Buffer.concat([Buffer.from(`${BOX_LABEL}\0${cluster}\0`), keyHash]),
    static: identity.agreement,
    remoteStatic: agreementKeyOf(remote),
    random,
  });
}

const hashOf = (key: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha256').update(`${HASH_LABEL}\0`).update(key).digest());

const signedBytes = (cluster: ClusterId, keyHash: Uint8Array, boxes: readonly BoxRow[]): Buffer =>
  Buffer.concat([
    Buffer.from(`${SIGNATURE_LABEL}\0${cluster}\0`),
    keyHash,
    ...boxes.flatMap(([node, box]) => [Buffer.from(`${node}\0${box.length}\0`), box]),
  ]);

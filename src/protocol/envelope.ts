import { Packr } from 'msgpackr';
import { ParleyError } from './errors.ts';
import { isClusterId, isDeviceId, isRoomId, isTxnId } from './ids.ts';
import { LIMITS } from './limits.ts';
import { decodeExtensions, encodeExtensions, isCount } from './envelope-extensions.ts';
import type { EnvelopeExtensions } from './envelope-extensions.ts';
import type { ClusterId, DeviceId, RoomId, TxnId } from './ids.ts';

/**
 * What the server sees of a message: a header in clear, which is the associated data of the ciphertext, and bytes
 * it cannot read. On the wire an envelope is one msgpack array
 * `[1, header, nonce, ciphertext, wraps, signature]`, and the header inside it is msgpack bytes of its own, so that
 * the bytes that are signed are the bytes that travel. A header is `[1, …ten fields]`, or, where there is more that
 * nodes must know, `[2, …the same, extensions]`: what needs none is readable by programs of either version.
 */
export interface EnvelopeHeader extends EnvelopeExtensions {
  readonly cluster: ClusterId;
  readonly room: RoomId;
  /** Checked in `apply()` together with the recipients. */
  readonly rosterVersion: number;
  readonly sender: DeviceId;
  readonly txnId: TxnId;
  /** SHA-256(r ‖ content), 32 bytes: what dedupe compares. */
  readonly contentTag: Uint8Array;
  /** Sorted by device id; `keyHash` = SHA-256 of the X25519 key the content key was wrapped to. */
  readonly recipients: readonly { readonly device: DeviceId; readonly keyHash: Uint8Array }[];
  /** SHA-256("key" ‖ contentKey), 32 bytes: the key commitment. */
  readonly keyCommitment: Uint8Array;
  /** Counts the sender's messages in the order they were written in, from 1; 0 for names of rooms. */
  readonly senderCounter: number;
}

export interface Envelope {
  readonly header: EnvelopeHeader;
  readonly headerBytes: Uint8Array;
  /** XChaCha20 nonce, 24 bytes. */
  readonly nonce: Uint8Array;
  readonly ciphertext: Uint8Array;
  /** One per recipient, in the header's order: HPKE `enc` (32 bytes) ‖ sealed content key (48 bytes). */
  readonly wraps: readonly Uint8Array[];
  /** Ed25519 by the sender's device, 64 bytes. */
  readonly signature: Uint8Array;
}

/**
 * In an open room an envelope has the same form, but is for nobody in particular: no recipients, zeros where a key would
 * be told, and r ‖ content in clear for a ciphertext. It is signed under another label than a sealed one.
 */
export function isOpenForm({ header, nonce }: Pick<Envelope, 'header' | 'nonce'>): boolean {
  const { recipients, rosterVersion, keyCommitment } = header;
  const isZero = (byte: number): boolean => byte === 0;
  return recipients.length === 0 && rosterVersion === 0 && keyCommitment.every(isZero) && nonce.every(isZero);
}

/** Versions of a header. */
const PLAIN = 1;
const EXTENDED = 2;
const HASH_BYTES = 32;
const NONCE_BYTES = 24;
const WRAP_BYTES = 80;
const SIGNATURE_BYTES = 64;
const packr = new Packr({ useRecords: false, moreTypes: false, variableMapSize: true });

export function encodeEnvelopeHeader(header: EnvelopeHeader): Uint8Array {
  const extensions = encodeExtensions(header);
  return packr.pack([
    extensions.length === 0 ? PLAIN : EXTENDED,
    header.cluster,
    header.room,
    header.rosterVersion,
    header.sender,
    header.txnId,
    header.contentTag,
    header.recipients.map(({ device, keyHash }) => [device, keyHash]),
    header.keyCommitment,
    header.senderCounter,
    ...(extensions.length === 0 ? [] : [extensions]),
  ]);
}

export function encodeEnvelope(envelope: Omit<Envelope, 'header'>): Uint8Array {
  const { headerBytes, nonce, ciphertext, wraps, signature } = envelope;
  return packr.pack([1, headerBytes, nonce, ciphertext, wraps, signature]);
}

/**
 * @throws ParleyError `invalid_envelope` for anything that is not exactly the form above, within `LIMITS`,
 *   `unsupported_version` for what a newer program says in the header
 */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  if (bytes.length > LIMITS.envelopeBytesMax) {
    throw new ParleyError('payload_too_large', `An envelope has at most ${LIMITS.envelopeBytesMax} bytes.`);
  }
  const fields = unpackArray(bytes, 6, 'envelope');
  const [version, headerBytes, nonce, ciphertext, wraps, signature] = fields;
  check(version === 1, 'version');
  check(isBytes(headerBytes) && headerBytes.length > 0, 'header');
  check(isBytes(nonce, NONCE_BYTES), 'nonce');
  check(isBytes(ciphertext) && ciphertext.length >= 16, 'ciphertext');
  check(isBytes(signature, SIGNATURE_BYTES), 'signature');
  check(Array.isArray(wraps) && wraps.every((wrap) => isBytes(wrap, WRAP_BYTES)), 'wraps');
  const header = decodeEnvelopeHeader(headerBytes);
  check(wraps.length === header.recipients.length, 'one wrap per recipient');
  return { header, headerBytes, nonce, ciphertext, wraps, signature };
}

function decodeEnvelopeHeader(bytes: Uint8Array): EnvelopeHeader {
  const fields = unpackArray(bytes, null, 'header');
  const [version, cluster, room, rosterVersion, sender, txnId, contentTag, rawRecipients, keyCommitment, counter] =
    fields;
  check(isCount(version) && version >= PLAIN, 'header version');
  if (version > EXTENDED) throw new ParleyError('unsupported_version', `This envelope has version ${version}.`);
  check(fields.length === (version === PLAIN ? 10 : 11), 'header');
  check(typeof cluster === 'string' && isClusterId(cluster), 'cluster');
  check(typeof room === 'string' && isRoomId(room), 'room');
  check(isCount(rosterVersion), 'roster version');
  check(typeof sender === 'string' && isDeviceId(sender), 'sender');
  check(typeof txnId === 'string' && isTxnId(txnId), 'txnId');
  check(isBytes(contentTag, HASH_BYTES), 'content tag');
  check(isBytes(keyCommitment, HASH_BYTES), 'key commitment');
  check(isCount(counter), 'sender counter');
  check(Array.isArray(rawRecipients) && rawRecipients.length <= LIMITS.devicesPerRoomMax, 'recipients');
  const recipients = rawRecipients.map(decodeRecipient);
  for (let i = 1; i < recipients.length; i++) {
    check(recipients[i - 1]!.device < recipients[i]!.device, 'recipients sorted and unique');
  }
  return {
    cluster,
    room,
    rosterVersion,
    sender,
    txnId,
    contentTag,
    recipients,
    keyCommitment,
    senderCounter: counter,
    ...(version === PLAIN ? {} : decodeExtensions(fields[10])),
  };
}

function decodeRecipient(raw: unknown): { device: DeviceId; keyHash: Uint8Array } {
  check(Array.isArray(raw) && raw.length === 2, 'recipient');
  const [device, keyHash] = raw as [unknown, unknown];
  check(typeof device === 'string' && isDeviceId(device) && isBytes(keyHash, HASH_BYTES), 'recipient');
  return { device, keyHash };
}

function unpackArray(bytes: Uint8Array, length: number | null, what: string): unknown[] {
  let value: unknown;
  try {
    value = packr.unpack(bytes);
  } catch (cause) {
    throw new ParleyError('invalid_envelope', `The ${what} is not valid msgpack.`, { cause });
  }
  check(Array.isArray(value) && (length === null || value.length === length), what);
  return value;
}

function isBytes(value: unknown, length?: number): value is Uint8Array {
  return value instanceof Uint8Array && (length === undefined || value.length === length);
}

function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new ParleyError('invalid_envelope', `The envelope's ${what} is not in its proper form.`);
}

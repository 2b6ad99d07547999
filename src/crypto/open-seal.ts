import { concatBytes } from '@noble/hashes/utils.js';
import { encodeEnvelope, encodeEnvelopeHeader } from '../protocol/envelope.ts';
import { ParleyError } from '../protocol/errors.ts';
import { labelled } from '../protocol/labelled.ts';
import { LIMITS } from '../protocol/limits.ts';
import { contentTagOf } from './content-tag.ts';
import type { EnvelopeExtensions } from '../protocol/envelope-extensions.ts';
import type { Envelope } from '../protocol/envelope.ts';
import type { ClusterId, DeviceId, RoomId, TxnId } from '../protocol/ids.ts';
import type { Ed25519Provider } from './ed25519.ts';

const NONCE = new Uint8Array(24);
const NO_COMMITMENT = new Uint8Array(32);

export interface OpenSealInput {
  readonly purpose: 'message' | 'room-meta';
  readonly cluster: ClusterId;
  readonly room: RoomId;
  /** `signingSecret`: an Ed25519 seed, 32 bytes. */
  readonly sender: { readonly device: DeviceId; readonly signingSecret: Uint8Array };
  readonly txnId: TxnId;
  readonly content: Uint8Array;
  readonly extensions?: EnvelopeExtensions;
  /** 32 bytes. */
  readonly r: Uint8Array;
  readonly senderCounter: number;
}

/**
 * The scheme of open rooms: signed by the sending device for its cluster, room, purpose and transaction, and not
 * encrypted. Everybody can read it, nodes too; nobody can alter it, or put it elsewhere. The id of a room tells which
 * scheme is in use, so that no node can talk a client into writing in clear.
 */
export function sealOpen(input: OpenSealInput, ed25519: Ed25519Provider): Uint8Array {
  const headerBytes = encodeEnvelopeHeader({
    cluster: input.cluster,
    room: input.room,
    rosterVersion: 0,
    sender: input.sender.device,
    txnId: input.txnId,
    contentTag: contentTagOf(input.r, input.content),
    recipients: [],
    keyCommitment: NO_COMMITMENT,
    senderCounter: input.senderCounter,
    ...input.extensions,
  });
  const unsigned = { headerBytes, nonce: NONCE, ciphertext: concatBytes(input.r, input.content), wraps: [] };
  const signature = ed25519.sign(input.sender.signingSecret, openSignedBytes(input.purpose, unsigned));
  const bytes = Uint8Array.from(encodeEnvelope({ ...unsigned, signature }));
  if (bytes.length <= LIMITS.envelopeBytesMax) return bytes;
  const detail = `The message has ${bytes.length} bytes; an envelope has at most ${LIMITS.envelopeBytesMax}.`;
  throw new ParleyError('payload_too_large', detail);
}

/** What the signature stands under. */
export function openSignedBytes(
  purpose: OpenSealInput['purpose'],
  { headerBytes, nonce, ciphertext }: Pick<Envelope, 'headerBytes' | 'nonce' | 'ciphertext'>,
): Uint8Array {
  return labelled(`open-envelope/${purpose}`, headerBytes, nonce, ciphertext);
}

import type { EnvelopeExtensions } from '../protocol/envelope-extensions.ts';
import type { EnvelopeHeader } from '../protocol/envelope.ts';
import type { ClusterId, DeviceId, RoomId, TxnId } from '../protocol/ids.ts';
import type { SealingKeyPair } from './x25519.ts';

/**
 * What the client engine knows of end-to-end encryption: content goes in and an envelope comes out, and back.
 * `conversation-interim.ts` implements it today and says what that scheme gives; another scheme takes its place
 * behind the same interface.
 *
 * Stateless. What needs memory is the client engine's job: delivering a (device, txnId) once, pinning a user's
 * signing key at first sight, taking `signingKey` below only from a device record that this user key signed, and
 * noticing a `senderCounter` that goes back (`src/client/reader.ts`).
 */
export interface Conversation {
  /**
   * @returns envelope bytes, at most `LIMITS.envelopeBytesMax`
   * @throws ParleyError `room_too_large` for more than 256 recipients, `payload_too_large` when the envelope would
   *   not fit, `invalid_field` when a recipient's key is unusable (the message names the device)
   */
  seal(input: SealInput): Uint8Array;
  /** Never throws for what others sent: anything wrong is a reason. */
  open(input: OpenInput): OpenResult;
}

/** A message's envelope never serves as a room's name, nor the other way round. */
export type ContentPurpose = 'message' | 'room-meta';

export interface Recipient {
  readonly device: DeviceId;
  /** X25519 public key, 32 bytes. */
  readonly sealingKey: Uint8Array;
}

export interface SealInput {
  readonly purpose: ContentPurpose;
  readonly cluster: ClusterId;
  readonly room: RoomId;
  readonly rosterVersion: number;
  /** `signingSecret`: the Ed25519 seed of the sending device, 32 bytes. */
  readonly sender: { readonly device: DeviceId; readonly signingSecret: Uint8Array };
  readonly txnId: TxnId;
  /** All devices of all members, the sending one included (its own copy); any order, each once. Unused in open rooms. */
  readonly recipients: readonly Recipient[];
  readonly content: Uint8Array;
  /** What nodes are to know of it, in clear. */
  readonly extensions?: EnvelopeExtensions;
  /** 32 random bytes, drawn once per message and kept in the outbox: a re-encrypted retry has the same tag. */
  readonly r: Uint8Array;
  /** Counts the sender's messages in the order they were written in, from 1; 0 for names of rooms. */
  readonly senderCounter: number;
}

export interface OpenInput {
  readonly purpose: ContentPurpose;
  readonly cluster: ClusterId;
  readonly room: RoomId;
  readonly envelopeBytes: Uint8Array;
  readonly own: { readonly device: DeviceId; readonly sealing: SealingKeyPair };
  /** Who sent it: Ed25519 public key from a verified device record. */
  readonly sender: { readonly device: DeviceId; readonly signingKey: Uint8Array };
}

interface OpenedContent {
  readonly ok: true;
  readonly content: Uint8Array;
  readonly r: Uint8Array;
  readonly header: EnvelopeHeader;
}

export type OpenFailure =
  /** Not an envelope, or not in the one proper encoding. */
  | 'malformed'
  /** A newer program wrote it. */
  | 'unsupported'
  | 'wrong_cluster'
  | 'wrong_room'
  /** The header names another sending device than the one whose key is given. */
  | 'wrong_sender'
  | 'bad_signature'
  /** This device is not among the recipients: it joined later, or was left out. */
  | 'before_device'
  /** Wrapped to another key than this device's. */
  | 'wrong_key'
  /** The content key cannot be unwrapped. */
  | 'bad_wrap'
  /** The content key is not the one that the header commits to. */
  | 'bad_commitment'
  | 'bad_ciphertext'
  /** The content is not the one that the header's tag names. */
  | 'tag_mismatch';

export type OpenResult = OpenedContent | { readonly ok: false; readonly reason: OpenFailure };

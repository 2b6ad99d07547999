import { nodeAesGcmSuite } from '../../crypto/node-noise.ts';
import { KK } from '../../crypto/noise/handshake-pattern.ts';
import { HandshakeState } from '../../crypto/noise/handshake-state.ts';
import type { RandomBytes } from '../../crypto/random.ts';
import type { NodeName } from '../../protocol/ids.ts';
import type { NodeIdentity } from '../identity/node-identity.ts';
import { agreementKeyOf, type PublicIdentity } from '../identity/public-identity.ts';
import { FRAME_VERSION, STREAM_BYTES, writeSafeInteger } from './frame-header.ts';
import { OpeningStream, SealingStream } from './sealed-stream.ts';

/**
 * Two processes of two nodes agree on keys: Noise_KK_25519_AESGCM_SHA256, with the names and boots of both in the
 * prologue, so that what one of them recorded fits no other process. Each payload is the name of the stream under which
 * its sender wants to be sent frames.
 */

/** One process of a node. */
export interface Party {
  readonly name: NodeName;
  readonly boot: number;
}

export interface RemoteParty extends Party {
  readonly identity: PublicIdentity;
}

export interface SessionKeys {
  /** What the other calls its end. */
  readonly sendStream: Uint8Array;
  readonly sealing: SealingStream;
  readonly opening: OpeningStream;
  /** For showing the other, or being shown, that one has made a frame that goes to several (HMAC-SHA256). */
  readonly tagSendKey: Uint8Array;
  readonly tagReceiveKey: Uint8Array;
}

export interface HandshakeEnv {
  readonly self: Party;
  readonly identity: NodeIdentity;
  /** Of the cluster's secret. */
  readonly clusterTag: Uint8Array;
  readonly random: RandomBytes;
}

export interface BegunHandshake {
  readonly remote: RemoteParty;
  /** What this node calls its end. */
  readonly stream: Uint8Array;
  readonly message: Uint8Array;
  /** Null when the reply is not that of the expected node. */
  readonly finish: (reply: Uint8Array) => SessionKeys | null;
}

const PROTOCOL = Buffer.from('parley/v1/node-pair');
const TAG_LABELS = { initiator: 'parley/v1/frame-tag/initiator', responder: 'parley/v1/frame-tag/responder' };

/** Null when the other's key is one that nothing can be agreed on with. */
export function beginHandshake(env: HandshakeEnv, remote: RemoteParty): BegunHandshake | null {
  const state = stateOf(env, remote, 'initiator');
  const stream = env.random(STREAM_BYTES);
  const message = state.writeMessage(stream);
  if (message === null) return null;
  return {
    ...{ remote, stream, message },
    finish: (reply) => {
      const sendStream = state.readMessage(reply);
      return sendStream?.length === STREAM_BYTES ? keysOf(state, sendStream, 'initiator') : null;
    },
  };
}

/** Null for what the other did not write to this very process. */
export function answerHandshake(
  env: HandshakeEnv,
  remote: RemoteParty,
  message: Uint8Array,
): { readonly stream: Uint8Array; readonly reply: Uint8Array; readonly keys: SessionKeys } | null {
  const state = stateOf(env, remote, 'responder');
  const sendStream = state.readMessage(message);
  if (sendStream?.length !== STREAM_BYTES) return null;
  const stream = env.random(STREAM_BYTES);
  const reply = state.writeMessage(stream);
  return reply === null ? null : { stream, reply, keys: keysOf(state, sendStream, 'responder') };
}

function stateOf(env: HandshakeEnv, remote: RemoteParty, role: 'initiator' | 'responder'): HandshakeState {
  const { self, identity, clusterTag, random } = env;
  const [first, second] = role === 'initiator' ? [self, remote] : [remote, self];
  return new HandshakeState({
    suite: nodeAesGcmSuite,
    pattern: KK,
    role,
    prologue: Buffer.concat([
      PROTOCOL,
      Uint8Array.of(FRAME_VERSION),
      clusterTag,
      partyBytes(first),
      partyBytes(second),
    ]),
    static: identity.agreement,
    remoteStatic: agreementKeyOf(remote.identity),
    random,
  });
}

function keysOf(state: HandshakeState, sendStream: Uint8Array, role: 'initiator' | 'responder'): SessionKeys {
  const { send, receive } = state.split();
  const other = role === 'initiator' ? 'responder' : 'initiator';
  return {
    sendStream,
    sealing: new SealingStream(send.key!),
    opening: new OpeningStream(receive.key!),
    tagSendKey: state.exportSecret(TAG_LABELS[role]),
    tagReceiveKey: state.exportSecret(TAG_LABELS[other]),
  };
}

function partyBytes({ name, boot }: Party): Buffer {
  const bytes = Buffer.alloc(9 + name.length);
  bytes[0] = name.length;
  bytes.write(name, 1, 'latin1');
  writeSafeInteger(bytes, boot, 1 + name.length);
  return bytes;
}

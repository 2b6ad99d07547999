import { AEAD_NONCE_BYTES } from '../../aead.ts';
import { MlsError, verify } from '../error.ts';
import { encode } from '../tls-writer.ts';
import { expandWithLabel } from './labelled-crypto.ts';
import type { TlsReader } from '../tls-reader.ts';
import type { TlsWriter } from '../tls-writer.ts';
import type { MemberSuite } from './primitives.ts';

/** How far a message may be ahead of what was read, and how many keys of skipped messages are kept. */
export const FORWARD_RATCHET_MAX = 1_000;

export interface MessageKey {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
}

/**
 * A sender ratchet (RFC 9420 section 9.1). Immutable: a step gives the next one, and what it replaces is forgotten only
 * when the caller knows that the message was good (section 9.2).
 */
export interface HashRatchet {
  /** The next generation. */
  readonly generation: number;
  readonly secret: Uint8Array;
  /** Keys of generations that were passed over. */
  readonly skipped: ReadonlyMap<number, MessageKey>;
}

type Step = readonly [messageKey: MessageKey, next: HashRatchet];

export const newRatchet = (secret: Uint8Array): HashRatchet => ({ generation: 0, secret, skipped: new Map() });

/** DeriveTreeSecret (section 9.1). */
export function deriveTreeSecret(
  suite: Pick<MemberSuite, 'hkdf'>,
  secret: Uint8Array,
  { label, generation }: { readonly label: string; readonly generation: number },
  length?: number,
): Uint8Array {
  const context = encode((writer) => writer.uint32(generation), null);
  return expandWithLabel(suite, secret, { label, context }, length);
}

/**
 * The key of a generation, and the ratchet without it.
 * @throws MlsError (`bad_generation`) when it was used, or is more than `FORWARD_RATCHET_MAX` ahead
 */
export function takeKey(suite: MemberSuite, ratchet: HashRatchet, generation: number): Step {
  const skipped = new Map(ratchet.skipped);
  if (generation < ratchet.generation) {
    const known = skipped.get(generation);
    if (known === undefined) throw new MlsError('bad_generation', `Generation ${generation} was read before.`);
    skipped.delete(generation);
    return [known, { ...ratchet, skipped }];
  }
  const isNear = generation - ratchet.generation <= FORWARD_RATCHET_MAX;
  verify(isNear, 'bad_generation', `Generation ${generation} is too far ahead of ${ratchet.generation}.`);
  let { secret } = ratchet;
  for (let at = ratchet.generation; at < generation; at++) {
    skipped.set(at, messageKeyOf(suite, secret, at));
    secret = deriveTreeSecret(suite, secret, { label: 'secret', generation: at });
  }
  // A map remembers the order of insertion: the oldest go first.
  for (const oldest of skipped.keys()) {
    if (skipped.size <= FORWARD_RATCHET_MAX) break;
    skipped.delete(oldest);
  }
  return [
    messageKeyOf(suite, secret, generation),
    {
      generation: generation + 1,
      secret: deriveTreeSecret(suite, secret, { label: 'secret', generation }),
      skipped,
    },
  ];
}

/** Goes to a generation without keeping any key on the way: for the own ratchet, whose past nobody must use again. */
export function forwardTo(suite: MemberSuite, ratchet: HashRatchet, generation: number): HashRatchet {
  let { secret } = ratchet;
  for (let at = ratchet.generation; at < generation; at++) {
    secret = deriveTreeSecret(suite, secret, { label: 'secret', generation: at });
  }
  return { generation: Math.max(generation, ratchet.generation), secret, skipped: ratchet.skipped };
}

function messageKeyOf(suite: MemberSuite, secret: Uint8Array, generation: number): MessageKey {
  return {
    key: deriveTreeSecret(suite, secret, { label: 'key', generation }, suite.aead.keyBytes),
    nonce: deriveTreeSecret(suite, secret, { label: 'nonce', generation }, AEAD_NONCE_BYTES),
  };
}

export function writeHashRatchet(writer: TlsWriter, { generation, secret, skipped }: HashRatchet): void {
  writer.uint32(generation).opaque(secret);
  writer.vector(skipped, (inner, [at, { key, nonce }]) => inner.uint32(at).opaque(key).opaque(nonce));
}

export function readHashRatchet(reader: TlsReader): HashRatchet {
  return {
    generation: reader.uint32(),
    secret: reader.opaque(),
    skipped: new Map(
      reader.vector((inner) => [inner.uint32(), { key: inner.opaque(), nonce: inner.opaque() }] as const),
    ),
  };
}
